/* Stands between a program and the disk (LD_PRELOAD): makes the n-th change under a folder fail, or writes down every change.
   FAULTS_DIR     the folder, absolute
   FAULTS_FAIL    n: the n-th change fails; with FAULTS_ERRNO (a number), or kills the program if that is 0
   FAULTS_TRACE   a file in which every change is written down, for whoever plays power cuts
   A change is a write, sync, creation, truncation, renaming or removal. Counts all of them on standard error at the end. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static long count, fail_at, fail_with;
static int trace = -1, ready;
static char folder[4096];
static size_t folder_len;
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_ftruncate)(int, off64_t);
static int (*real_rename)(const char *, const char *), (*real_unlink)(const char *), (*real_mkdir)(const char *, mode_t);
static int (*real_openat)(int, const char *, int, ...), (*real_open)(const char *, int, ...);

static void begin(void) {
  if (ready) return;
  ready = 1;
  real_write = dlsym(RTLD_NEXT, "write");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_writev = dlsym(RTLD_NEXT, "writev");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_rename = dlsym(RTLD_NEXT, "rename");
  real_unlink = dlsym(RTLD_NEXT, "unlink");
  real_mkdir = dlsym(RTLD_NEXT, "mkdir");
  real_open = dlsym(RTLD_NEXT, "open64");
  real_openat = dlsym(RTLD_NEXT, "openat64");
  const char *dir = getenv("FAULTS_DIR"), *at = getenv("FAULTS_FAIL"), *with = getenv("FAULTS_ERRNO"), *file = getenv("FAULTS_TRACE");
  if (dir) folder_len = strlen(strncpy(folder, dir, sizeof folder - 1));
  fail_at = at ? atol(at) : 0;
  fail_with = with ? atol(with) : 0;
  if (file) trace = real_open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

static int under(const char *path) {
  return folder_len && path && !strncmp(path, folder, folder_len) && (path[folder_len] == '/' || !path[folder_len]);
}

static int path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t len = readlink(link, path, 4095);
  if (len <= 0) return 0;
  path[len] = 0;
  return under(path);
}

/* Whether this change is the one that fails; writes it down if it is not. */
static int fails(char kind, const char *path, const char *other, int64_t at, const void *bytes, uint64_t len) {
  pthread_mutex_lock(&turn);
  long number = ++count;
  if (fail_at && number == fail_at) {
    if (!fail_with) {
      dprintf(2, "faults: killed at %ld (%c %s)\n", number, kind, path);
      _exit(137);
    }
    pthread_mutex_unlock(&turn);
    dprintf(2, "faults: refused %ld (%c %s)\n", number, kind, path);
    errno = fail_with;
    return 1;
  }
  if (trace >= 0) {
    uint32_t path_len = strlen(path), other_len = other ? strlen(other) : 0;
    uint64_t carried = bytes ? len : 0;
    real_write(trace, &kind, 1);
    real_write(trace, &path_len, 4);
    real_write(trace, path, path_len);
    real_write(trace, &other_len, 4);
    if (other_len) real_write(trace, other, other_len);
    real_write(trace, &at, 8);
    real_write(trace, &carried, 8);
    if (carried) real_write(trace, bytes, carried);
  }
  pthread_mutex_unlock(&turn);
  return 0;
}

ssize_t write(int fd, const void *bytes, size_t len) {
  begin();
  char path[4096];
  if (fd > 2 && fd != trace && path_of(fd, path)) {
    int64_t at = (fcntl(fd, F_GETFL) & O_APPEND) ? lseek64(fd, 0, SEEK_END) : lseek64(fd, 0, SEEK_CUR);
    if (fails('w', path, 0, at, bytes, len)) return -1;
  }
  return real_write(fd, bytes, len);
}
ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at) {
  begin();
  char path[4096];
  if (path_of(fd, path) && fails('w', path, 0, at, bytes, len)) return -1;
  return real_pwrite(fd, bytes, len, at);
}
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) { return pwrite64(fd, bytes, len, at); }
ssize_t writev(int fd, const struct iovec *parts, int n) {
  begin();
  char path[4096];
  if (fd <= 2 || fd == trace || !path_of(fd, path)) return real_writev(fd, parts, n);
  /* as write does, one part: a short write is legal */
  for (int i = 0; i < n; i++)
    if (parts[i].iov_len) return write(fd, parts[i].iov_base, parts[i].iov_len);
  return 0;
}
int fsync(int fd) {
  begin();
  char path[4096];
  if (path_of(fd, path) && fails('s', path, 0, 0, 0, 0)) return -1;
  return real_fsync(fd);
}
int fdatasync(int fd) {
  begin();
  char path[4096];
  if (path_of(fd, path) && fails('s', path, 0, 0, 0, 0)) return -1;
  return real_fdatasync(fd);
}
int ftruncate64(int fd, off64_t len) {
  begin();
  char path[4096];
  if (path_of(fd, path) && fails('t', path, 0, len, 0, 0)) return -1;
  return real_ftruncate(fd, len);
}
int ftruncate(int fd, off_t len) { return ftruncate64(fd, len); }
static const char *whole(const char *path, char *room) {
  if (path[0] == '/') return path;
  if (!getcwd(room, 4096)) return path;
  strncat(room, "/", 4095 - strlen(room));
  return strncat(room, path, 4095 - strlen(room));
}
int rename(const char *from, const char *to) {
  begin();
  char a[4096], b[4096];
  const char *one = whole(from, a), *other = whole(to, b);
  if (under(other) && fails('r', one, other, 0, 0, 0)) return -1;
  return real_rename(from, to);
}
int unlink(const char *path) {
  begin();
  char room[4096];
  const char *one = whole(path, room);
  if (under(one) && fails('u', one, 0, 0, 0, 0)) return -1;
  return real_unlink(path);
}
int mkdir(const char *path, mode_t mode) {
  begin();
  char room[4096];
  const char *one = whole(path, room);
  if (under(one) && fails('d', one, 0, 0, 0, 0)) return -1;
  return real_mkdir(path, mode);
}
static int opens(int at, const char *path, int flags, mode_t mode) {
  begin();
  char room[4096];
  const char *one = whole(path, room);
  if (under(one) && (flags & O_CREAT) && access(one, F_OK)) {
    if (fails('c', one, 0, 0, 0, 0)) return -1;
  } else if (under(one) && (flags & O_TRUNC) && fails('t', one, 0, 0, 0, 0)) {
    return -1;
  }
  return at == AT_FDCWD ? real_open(path, flags, mode) : real_openat(at, path, flags, mode);
}
#define MODE                      \
  mode_t mode = 0;                \
  if (flags & (O_CREAT | O_TMPFILE)) { \
    va_list rest;                 \
    va_start(rest, flags);        \
    mode = va_arg(rest, mode_t);  \
    va_end(rest);                 \
  }
int open64(const char *path, int flags, ...) { MODE return opens(AT_FDCWD, path, flags, mode); }
int open(const char *path, int flags, ...) { MODE return opens(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return opens(at, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return opens(at, path, flags, mode); }

__attribute__((destructor)) static void end(void) {
  if (getenv("FAULTS_COUNT")) dprintf(2, "faults: %ld changes\n", count);
}
