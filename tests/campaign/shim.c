/* Ends the process with SIGKILL just before its n-th change of a folder: a write, a sync, a rename, a removal.

   Preloaded into a process that is told by `campaign_arm` which folder is meant and which change is the last. With half
   set, a write at that point is done by half. Counts go on over all threads. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[PATH_MAX];
static size_t length;
static long last;
static int by_half;
static atomic_long count;

void campaign_arm(const char *path, long at, int half) {
  length = strlen(path);
  if (length >= sizeof folder) length = 0;
  memcpy(folder, path, length);
  last = at;
  by_half = half;
  atomic_store(&count, 0);
}

long campaign_count(void) { return atomic_load(&count); }

static int inside(const char *path) { return length && path && strncmp(path, folder, length) == 0; }

static int of_file(int fd) {
  char link[64], path[PATH_MAX];
  if (!length) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = 0;
  return inside(path);
}

static int is_last(void) { return atomic_fetch_add(&count, 1) + 1 == last; }

static void end(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define NOW(condition) if ((condition) && is_last()) end()

ssize_t write(int fd, const void *data, size_t size) {
  static __typeof__(&write) real;
  if (!real) real = REAL(write);
  if (length && of_file(fd) && is_last()) {
    if (by_half && size > 1) real(fd, data, size / 2);
    end();
  }
  return real(fd, data, size);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  static __typeof__(&pwrite64) real;
  if (!real) real = REAL(pwrite64);
  NOW(of_file(fd));
  return real(fd, data, size, at);
}

ssize_t writev(int fd, const struct iovec *parts, int number) {
  static __typeof__(&writev) real;
  if (!real) real = REAL(writev);
  NOW(of_file(fd));
  return real(fd, parts, number);
}

int fsync(int fd) {
  static __typeof__(&fsync) real;
  if (!real) real = REAL(fsync);
  NOW(of_file(fd));
  return real(fd);
}

int ftruncate64(int fd, off64_t size) {
  static __typeof__(&ftruncate64) real;
  if (!real) real = REAL(ftruncate64);
  NOW(of_file(fd));
  return real(fd, size);
}

int rename(const char *from, const char *to) {
  static __typeof__(&rename) real;
  if (!real) real = REAL(rename);
  NOW(inside(from) || inside(to));
  return real(from, to);
}

int renameat(int a, const char *from, int b, const char *to) {
  static __typeof__(&renameat) real;
  if (!real) real = REAL(renameat);
  NOW(inside(from) || inside(to));
  return real(a, from, b, to);
}

int unlink(const char *path) {
  static __typeof__(&unlink) real;
  if (!real) real = REAL(unlink);
  NOW(inside(path));
  return real(path);
}

int unlinkat(int at, const char *path, int flags) {
  static __typeof__(&unlinkat) real;
  if (!real) real = REAL(unlinkat);
  NOW(inside(path) || (at != AT_FDCWD && of_file(at)));
  return real(at, path, flags);
}

int rmdir(const char *path) {
  static __typeof__(&rmdir) real;
  if (!real) real = REAL(rmdir);
  NOW(inside(path));
  return real(path);
}

int mkdir(const char *path, mode_t mode) {
  static __typeof__(&mkdir) real;
  if (!real) real = REAL(mkdir);
  NOW(inside(path));
  return real(path, mode);
}

static int opens_for_writing(int flags) { return (flags & O_ACCMODE) != O_RDONLY && (flags & (O_CREAT | O_TRUNC)); }

int open64(const char *path, int flags, ...) {
  static int (*real)(const char *, int, ...);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "open64");
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
  }
  NOW(opens_for_writing(flags) && inside(path));
  return real(path, flags, mode);
}
