// What Swift cannot import: openat2() has no function in the C library, and syscall() is variadic.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

/// Opens step by step and follows no link at all.
static inline int graphrun_open_without_links(int folder, const char *path, int flags) {
  char copy[4096];
  if (strlen(path) >= sizeof copy) { errno = ENAMETOOLONG; return -1; }
  strcpy(copy, path);
  int at = folder;
  char *rest = copy;
  while (1) {
    char *end = strchr(rest, '/');
    if (end) *end = 0;
    int next = -1;
    if (strcmp(rest, "..") == 0) errno = EXDEV;
    else next = openat(at, *rest ? rest : ".", O_NOFOLLOW | O_CLOEXEC | (end ? O_RDONLY | O_DIRECTORY : flags));
    int reason = errno;
    if (at != folder) close(at);
    errno = reason;
    if (next < 0 || !end) return next;
    at = next;
    rest = end + 1;
  }
}

/// Opens what `path` names below `folder`; a link that leads out of it is refused by the kernel (EXDEV). Where the
/// kernel cannot tell, every link is refused (ELOOP).
static inline int graphrun_open_beneath(int folder, const char *path, int flags) {
#ifdef __linux__
  struct { unsigned long long flags, mode, resolve; } how = {(unsigned)(flags | O_CLOEXEC), 0, 0x08 | 0x02};
  const long openat2_number = 437;
  long result = syscall(openat2_number, folder, path, &how, sizeof how);
  if (result >= 0 || (errno != ENOSYS && errno != EPERM)) return (int)result;
#endif
  return graphrun_open_without_links(folder, path, flags);
}
