"use strict";
// The page says everything without this; with it tables sort and filter, and paper shows the evidence.
const order = new Intl.Collator(undefined, { numeric: true });

function value(row, at) {
  const cell = row.cells[at];
  return cell.dataset.v === undefined ? cell.textContent.trim() : Number(cell.dataset.v);
}

function sort(table, at) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const known = rows.filter((row) => value(row, at) !== "");
  const numbers = known.every((row) => typeof value(row, at) === "number");
  const before = heads[at].getAttribute("aria-sort");
  const up = before ? before === "descending" : !numbers;
  known.sort((one, other) => {
    const [a, b] = [value(one, at), value(other, at)];
    const found = numbers ? a - b : order.compare(a, b);
    return up ? found : -found;
  });
  heads.forEach((head) => head.removeAttribute("aria-sort"));
  heads[at].setAttribute("aria-sort", up ? "ascending" : "descending");
  body.append(...known, ...rows.filter((row) => !known.includes(row)));
}

function filter(place, items, noun, after) {
  const tools = document.createElement("p");
  const label = document.createElement("label");
  const input = document.createElement("input");
  const count = document.createElement("span");
  tools.className = "tools";
  input.type = "search";
  count.setAttribute("role", "status");
  label.append("Only with", input);
  tools.append(label, count);
  place.before(tools);
  const texts = items.map((item) => item.textContent.toLowerCase());
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    let shown = 0;
    items.forEach((item, at) => {
      item.hidden = !texts[at].includes(wanted);
      shown += item.hidden ? 0 : 1;
    });
    count.textContent = wanted ? `${shown} of ${items.length} ${noun}` : "";
    after();
  });
}

for (const table of document.querySelectorAll("table[data-tools]")) {
  [...table.tHead.rows[0].cells].forEach((head, at) => {
    if (head.textContent === "" || table.tBodies[0].rows.length < 2) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(table, at));
  });
  const rows = [...table.tBodies[0].rows];
  if (rows.length > 7) filter(table.parentElement, rows, "rows", () => {});
}

for (const list of document.querySelectorAll("[data-attempts]")) {
  const attempts = [...list.querySelectorAll("article")];
  const causes = [...list.querySelectorAll(".cause")];
  const tidy = () => causes.forEach((cause) => {
    cause.hidden = !cause.querySelector("article:not([hidden])");
  });
  if (attempts.length > 3) filter(list, attempts, "attempts", tidy);
}

const opened = [];
addEventListener("beforeprint", () => {
  for (const closed of document.querySelectorAll("details:not([open])")) {
    closed.open = true;
    opened.push(closed);
  }
});
addEventListener("afterprint", () => {
  for (const details of opened.splice(0)) details.open = false;
});
