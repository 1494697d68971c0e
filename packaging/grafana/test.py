#!/usr/bin/env python3
"""Runs every query of the dashboard and every rule against a real Prometheus that scrapes tunlog.

    packaging/grafana/test.py --command target/debug/examples/exposition   # a program that prints the address it serves at
    packaging/grafana/test.py --target 127.0.0.1:9100                      # a tunlog that runs already

A query must be understood and give something back (of a tunlog that runs already, what gives nothing is only noted). Where prometheus is not installed this says so and ends with 0.
"""
import argparse, json, pathlib, re, shutil, socket, subprocess, sys, tempfile, time, urllib.parse, urllib.request

HERE = pathlib.Path(__file__).resolve().parent
RULES = HERE.parent / "prometheus" / "rules.yml"
# rates need several scrapes
SCRAPES = 4
PATIENCE_S = 60


def dashboard_problems(dashboard):
    """What Grafana would stumble over, or users."""
    problems, taken, ids = [], {}, set()
    for key in ("uid", "title", "schemaVersion", "panels", "templating"):
        if not dashboard.get(key):
            problems.append(f"no {key}")
    for panel in dashboard["panels"]:
        title = panel["title"]
        if panel["id"] in ids:
            problems.append(f"{title}: id {panel['id']} twice")
        ids.add(panel["id"])
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24:
            problems.append(f"{title}: wider than the page")
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if (x, y) in taken:
                    problems.append(f"{title}: lies on {taken[x, y]}")
                    break
                taken[x, y] = title
        if panel["type"] == "row":
            continue
        for target in panel["targets"]:
            if target["datasource"].get("uid") != "${datasource}":
                problems.append(f"{title}: a fixed data source")
            if "$instance" not in target["expr"]:
                problems.append(f"{title}: does not heed $instance")
    return problems


def queries(dashboard):
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expr = target["expr"].replace("$__rate_interval", "30s").replace("$instance", ".*")
            if "$" in expr:
                sys.exit(f"{panel['title']}: unknown variable in {expr}")
            yield panel["title"], expr


class Prometheus:
    def __init__(self, target, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % probe.getsockname()[1]
        config = folder / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "tunlog", "static_configs": [{"targets": [target]}]}],
        }))
        self.log = open(folder / "log", "w+")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data", f"--web.listen-address={self.address}"],
            stdout=self.log, stderr=subprocess.STDOUT)

    def get(self, path, **query):
        url = f"http://{self.address}/api/v1/{path}?" + urllib.parse.urlencode(query)
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def query(self, expr):
        return self.get("query", query=expr)

    def wait(self):
        deadline = time.monotonic() + PATIENCE_S
        why = "no answer"
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                scraped = self.query("min(count_over_time(vpn_build_info[1m])) and min(up) == 1")["data"]["result"]
                if scraped and float(scraped[0]["value"][1]) >= SCRAPES:
                    return
                targets = self.get("targets")["data"]["activeTargets"]
                why = targets[0]["lastError"] if targets else "no target"
            except (OSError, KeyError) as error:
                why = error
            time.sleep(0.3)
        self.log.seek(0)
        sys.exit(f"prometheus did not scrape tunlog: {why}\n{self.log.read()[-2000:]}")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def check(prometheus, dashboard, strict):
    problems, notes = dashboard_problems(dashboard), []
    count = 0
    for title, expr in queries(dashboard):
        count += 1
        answer = prometheus.query(expr)
        if answer["status"] != "success":
            problems.append(f"{title}: {answer.get('error')}: {expr}")
        elif not answer["data"]["result"]:
            # a tunlog of somebody's own may have no channel, no ledger, and a quiet day
            (problems if strict else notes).append(f"{title}: gives nothing: {expr}")
    for variable in dashboard["templating"]["list"]:
        asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable.get("definition", ""))
        if variable["type"] == "query":
            values = prometheus.get(f"label/{asked[2]}/values", **{"match[]": asked[1]})
            if not values.get("data"):
                problems.append(f"${variable['name']}: no values")
    rules = 0
    for group in prometheus.get("rules")["data"]["groups"]:
        for rule in group["rules"]:
            rules += 1
            if rule["health"] != "ok":
                problems.append(f"rule {rule['name']}: {rule['health']}: {rule.get('lastError')}")
    metadata = prometheus.get("metadata")["data"]
    for name, types in metadata.items():
        if name.startswith("vpn_") and any(not entry["help"] or entry["type"] == "unknown" for entry in types):
            problems.append(f"{name}: no help or type")
    print(f"{count} queries, {rules} rules, {sum(name.startswith('vpn_') for name in metadata)} metrics")
    for note in notes:
        print(f"note: {note}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", help="HOST:PORT of a tunlog")
    parser.add_argument("--command", nargs=argparse.REMAINDER, help="a program that serves metrics and prints HOST:PORT first")
    args = parser.parse_args()
    if not args.target and not args.command:
        parser.error("--target or --command is needed")
    if not shutil.which("prometheus"):
        print("skipped: prometheus is not installed")
        return 0
    dashboard = json.loads((HERE / "tunlog.json").read_text())
    serving = None
    with tempfile.TemporaryDirectory() as folder:
        try:
            target = args.target
            if not target:
                serving = subprocess.Popen(args.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                target = serving.stdout.readline().strip()
                if not target:
                    sys.exit("the program printed no address")
            prometheus = Prometheus(target, pathlib.Path(folder))
            try:
                prometheus.wait()
                problems = check(prometheus, dashboard, strict=not args.target)
            finally:
                prometheus.stop()
        finally:
            if serving:
                serving.stdin.close()  # it ends when its input does
                serving.terminate()
                serving.wait()
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
