/* Faults in what a program does to its files, by LD_PRELOAD, and a trace of it. The suite builds and drives it.
 *
 * FAULT_EXE    the executable to act in (as /proc/self/exe tells it); its children are left alone
 * FAULT_ROOT   calls on files below this folder, and on itself, are counted
 * FAULT_OPS    which calls: w write, s sync, t truncate or allocate, u unlink, r rename, c create, o open; default wsturc
 * FAULT_AT     number of the first call that is hit, from 1; without it none is
 * FAULT_FOR    how many calls are hit from there on, 0 for all; default 1
 * FAULT_DO     kill   SIGKILL instead of the call       after  SIGKILL behind it
 *              torn   SIGKILL behind half of a write    short  half of a write, told as such
 *              skip   told as done, not done            stop   SIGSTOP before it
 *              or the name of an error: ENOSPC EIO EDQUOT EROFS EMFILE EINTR
 * FAULT_SIGN   file that gets a line for every hit: number, call, path
 * FAULT_TRACE  file that gets a record of every counted call with its data, and of what is written to stdout
 *
 * FAULT_WATCH  file whose size is noted in every record: how far the outside world had come; FAULT_ALSO another
 * FAULT_CLOCK  file with a number of seconds by which the wall clock is wrong; read at every look at the clock
 *
 * A trace record is "FT1" and a letter, then 64-bit number, offset, length of the data and sizes of the watched files,
 * and 32-bit length of the path, all little endian; then path and data. Letters besides those above: d sync of a folder, a allocate, m make a
 * folder, p print (data only). A call that failed by itself leaves no record. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum deed { NOTHING, KILL, AFTER, TORN, SHORT, SKIP, STOP, FAIL };

static struct {
  const char *root, *ops, *sign, *trace, *watch, *also, *clock;
  size_t root_length;
  long at, count;
  enum deed deed;
  int error;
} plan;

static long calls;

static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value && *value ? strdup(value) : NULL;
}

static void read_deed(const char *name) {
  static const struct { const char *name; enum deed deed; int error; } known[] = {
    {"kill", KILL, 0}, {"after", AFTER, 0}, {"torn", TORN, 0}, {"short", SHORT, 0}, {"skip", SKIP, 0},
    {"stop", STOP, 0}, {"ENOSPC", FAIL, ENOSPC}, {"EIO", FAIL, EIO}, {"EDQUOT", FAIL, EDQUOT},
    {"EROFS", FAIL, EROFS}, {"EMFILE", FAIL, EMFILE}, {"EINTR", FAIL, EINTR}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(known[i].name, name) == 0) {
      plan.deed = known[i].deed;
      plan.error = known[i].error;
      return;
    }
  }
  fprintf(stderr, "inject: FAULT_DO=%s is unknown\n", name);
  _exit(125);
}

__attribute__((constructor)) static void begin(void) {
  char exe[PATH_MAX] = {0};
  const char *wanted = getenv("FAULT_EXE");
  if (wanted && readlink("/proc/self/exe", exe, sizeof exe - 1) > 0 && strcmp(exe, wanted) == 0) {
    const char *value;
    plan.root = setting("FAULT_ROOT");
    plan.root_length = plan.root ? strlen(plan.root) : 0;
    plan.ops = setting("FAULT_OPS");
    if (!plan.ops) plan.ops = "wsturc";
    plan.sign = setting("FAULT_SIGN");
    plan.trace = setting("FAULT_TRACE");
    plan.watch = setting("FAULT_WATCH");
    plan.also = setting("FAULT_ALSO");
    plan.clock = setting("FAULT_CLOCK");
    plan.at = (value = getenv("FAULT_AT")) ? atol(value) : 0;
    plan.count = (value = getenv("FAULT_FOR")) ? atol(value) : 1;
    if ((value = getenv("FAULT_DO"))) read_deed(value);
  }
  static const char *const ours[] = {
    "LD_PRELOAD", "FAULT_EXE", "FAULT_ROOT", "FAULT_OPS", "FAULT_AT", "FAULT_FOR", "FAULT_DO", "FAULT_SIGN", "FAULT_TRACE",
    "FAULT_WATCH", "FAULT_ALSO", "FAULT_CLOCK"};
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) unsetenv(ours[i]);
}

/* Raw calls: what is written here is not counted. */
static void append(const char *file, const void *bytes, size_t count) {
  int saved = errno;
  int fd = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd >= 0) {
    syscall(SYS_write, fd, bytes, count);
    syscall(SYS_close, fd);
  }
  errno = saved;
}

static uint64_t size_of(const char *path) {
  struct stat info;
  int saved = errno;
  uint64_t size = path && fstatat(AT_FDCWD, path, &info, 0) == 0 ? info.st_size : 0;
  errno = saved;
  return size;
}

static void record(char letter, long number, const char *path, uint64_t offset, const void *data, uint64_t length) {
  if (!plan.trace) return;
  uint32_t path_length = strlen(path);
  uint64_t head[5] = {number, offset, length, size_of(plan.watch), size_of(plan.also)};
  size_t total = 48 + path_length + length;
  char *bytes = malloc(total);
  if (!bytes) return;
  memcpy(bytes, "FT1", 3);
  bytes[3] = letter;
  memcpy(bytes + 4, head, 40);
  memcpy(bytes + 44, &path_length, 4);
  memcpy(bytes + 48, path, path_length);
  if (length) memcpy(bytes + 48 + path_length, data, length);
  append(plan.trace, bytes, total);
  free(bytes);
}

static int is_ours(const char *path) {
  return plan.root && strncmp(path, plan.root, plan.root_length) == 0
    && (path[plan.root_length] == '/' || path[plan.root_length] == 0);
}

static int path_of(int fd, char *path) {
  char link[40];
  int saved = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  errno = saved;
  if (length <= 0) return 0;
  path[length] = 0;
  return is_ours(path);
}

/* The absolute path of what `path` names or will name. */
static int path_at(const char *path, char *full) {
  char folder[PATH_MAX], real[PATH_MAX];
  if (!plan.root || strlen(path) >= sizeof folder) return 0;
  strcpy(folder, path);
  char *slash = strrchr(folder, '/');
  const char *name = slash ? slash + 1 : path;
  if (slash) *slash = 0;
  int saved = errno;
  const char *found = realpath(slash ? (folder[0] ? folder : "/") : ".", real);
  errno = saved;
  if (!found || strlen(real) + strlen(name) + 2 > PATH_MAX) return 0;
  strcpy(full, real);
  strcat(full, "/");
  strcat(full, name);
  return is_ours(full);
}

static void die(void) {
  for (;;) {
    kill(getpid(), SIGKILL);
    pause();
  }
}

struct call { long number; enum deed deed; };

/* Counts the call and says what becomes of it. */
static struct call count(char letter, const char *path) {
  struct call call = {0, NOTHING};
  if (!strchr(plan.ops, letter)) return call;
  call.number = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
  if (plan.at == 0 || call.number < plan.at || (plan.count && call.number >= plan.at + plan.count)) return call;
  call.deed = plan.deed;
  if (plan.sign) {
    char line[PATH_MAX + 64];
    append(plan.sign, line, snprintf(line, sizeof line, "%ld %c %s\n", call.number, letter, path));
  }
  if (call.deed == KILL) die();
  if (call.deed == STOP) kill(getpid(), SIGSTOP);
  if (call.deed == FAIL) errno = plan.error;
  return call;
}

static void end(struct call call) {
  if (call.deed == AFTER || call.deed == TORN) die();
}

static ssize_t raw_write(int fd, const void *bytes, size_t length, off64_t offset) {
  return offset < 0 ? syscall(SYS_write, fd, bytes, length) : syscall(SYS_pwrite64, fd, bytes, length, offset);
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off64_t offset) {
  char path[PATH_MAX];
  if (fd == STDOUT_FILENO && plan.trace) {
    ssize_t done = raw_write(fd, bytes, length, offset);
    if (done > 0) record('p', calls, "", 0, bytes, done);
    return done;
  }
  if (!plan.root || length == 0 || !path_of(fd, path)) return raw_write(fd, bytes, length, offset);
  off64_t place = offset >= 0 ? offset : lseek64(fd, 0, SEEK_CUR);
  struct call call = count('w', path);
  if (call.deed == FAIL) return -1;
  if (call.deed == SKIP) {
    if (offset < 0) lseek64(fd, length, SEEK_CUR);
    return length;
  }
  if (call.deed == TORN || call.deed == SHORT) length = (length + 1) / 2;
  ssize_t done = raw_write(fd, bytes, length, offset);
  if (done > 0) record('w', call.number, path, place, bytes, done);
  end(call);
  return done;
}

ssize_t write(int fd, const void *bytes, size_t length) { return write_at(fd, bytes, length, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return write_at(fd, bytes, length, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return write_at(fd, bytes, length, offset); }

ssize_t writev(int fd, const struct iovec *parts, int many) {
  ssize_t total = 0;
  for (int i = 0; i < many; i++) {
    if (parts[i].iov_len == 0) continue;
    ssize_t done = write_at(fd, parts[i].iov_base, parts[i].iov_len, -1);
    if (done < 0) return total ? total : done;
    total += done;
    if ((size_t)done < parts[i].iov_len) break;
  }
  return total;
}

static int sync_file(int fd, long number) {
  char path[PATH_MAX];
  struct stat info;
  if (!plan.root || !path_of(fd, path)) return syscall(number, fd);
  struct call call = count('s', path);
  if (call.deed == FAIL) return -1;
  if (call.deed == SKIP) return 0;
  int result = syscall(number, fd);
  if (result == 0) record(fstat(fd, &info) == 0 && S_ISDIR(info.st_mode) ? 'd' : 's', call.number, path, 0, NULL, 0);
  end(call);
  return result;
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

static int size_file(int fd, off64_t length) {
  char path[PATH_MAX];
  if (!plan.root || !path_of(fd, path)) return syscall(SYS_ftruncate, fd, length);
  struct call call = count('t', path);
  if (call.deed == FAIL) return -1;
  if (call.deed == SKIP) return 0;
  int result = syscall(SYS_ftruncate, fd, length);
  if (result == 0) record('t', call.number, path, length, NULL, 0);
  end(call);
  return result;
}

int ftruncate(int fd, off_t length) { return size_file(fd, length); }
int ftruncate64(int fd, off64_t length) { return size_file(fd, length); }

static int size_path(const char *name, off64_t length) {
  char path[PATH_MAX];
  if (!path_at(name, path)) return syscall(SYS_truncate, name, length);
  struct call call = count('t', path);
  if (call.deed == FAIL) return -1;
  if (call.deed == SKIP) return 0;
  int result = syscall(SYS_truncate, name, length);
  if (result == 0) record('t', call.number, path, length, NULL, 0);
  end(call);
  return result;
}

int truncate(const char *name, off_t length) { return size_path(name, length); }
int truncate64(const char *name, off64_t length) { return size_path(name, length); }

/* Tells an error by its result, not by errno. */
static int allocate(int fd, off64_t offset, off64_t length) {
  char path[PATH_MAX];
  int ours = plan.root && path_of(fd, path);
  struct call call = {0, NOTHING};
  if (ours) call = count('t', path);
  if (call.deed == FAIL) return plan.error;
  if (call.deed == SKIP) return 0;
  int result = syscall(SYS_fallocate, fd, 0, offset, length) == 0 ? 0 : errno;
  if (ours && result == 0) record('a', call.number, path, offset + length, NULL, 0);
  end(call);
  return result;
}

int posix_fallocate(int fd, off_t offset, off_t length) { return allocate(fd, offset, length); }
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return allocate(fd, offset, length); }

int unlink(const char *name) {
  char path[PATH_MAX];
  if (!path_at(name, path)) return syscall(SYS_unlinkat, AT_FDCWD, name, 0);
  struct call call = count('u', path);
  if (call.deed == FAIL) return -1;
  if (call.deed == SKIP) return 0;
  int result = syscall(SYS_unlinkat, AT_FDCWD, name, 0);
  if (result == 0) record('u', call.number, path, 0, NULL, 0);
  end(call);
  return result;
}

int rename(const char *from, const char *to) {
  char old[PATH_MAX], new[PATH_MAX];
  if (!path_at(from, old) || !path_at(to, new)) return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  struct call call = count('r', old);
  if (call.deed == FAIL) return -1;
  if (call.deed == SKIP) return 0;
  int result = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  if (result == 0) record('r', call.number, old, 0, new, strlen(new));
  end(call);
  return result;
}

int mkdir(const char *name, mode_t mode) {
  char path[PATH_MAX];
  if (!path_at(name, path)) return syscall(SYS_mkdirat, AT_FDCWD, name, mode);
  struct call call = count('c', path);
  if (call.deed == FAIL) return -1;
  int result = syscall(SYS_mkdirat, AT_FDCWD, name, mode);
  if (result == 0) record('m', call.number, path, 0, NULL, 0);
  end(call);
  return result;
}

static int open_file(const char *name, int flags, mode_t mode) {
  char path[PATH_MAX];
  struct stat info;
  if (!path_at(name, path)) return syscall(SYS_openat, AT_FDCWD, name, flags | O_LARGEFILE, mode);
  int fresh = (flags & O_CREAT) && fstatat(AT_FDCWD, name, &info, AT_SYMLINK_NOFOLLOW) != 0;
  struct call call = count(fresh ? 'c' : 'o', path);
  if (call.deed == FAIL) return -1;
  int fd = syscall(SYS_openat, AT_FDCWD, name, flags | O_LARGEFILE, mode);
  if (fd >= 0 && fresh) record('c', call.number, path, 0, NULL, 0);
  if (fd >= 0 && !fresh && (flags & O_TRUNC)) record('t', call.number, path, 0, NULL, 0);
  if (fd >= 0) end(call);
  return fd;
}

#define MODE(flags) ({ \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | __O_TMPFILE)) { \
    va_list rest; \
    va_start(rest, flags); \
    mode = va_arg(rest, mode_t); \
    va_end(rest); \
  } \
  mode; })

int open(const char *name, int flags, ...) { return open_file(name, flags, MODE(flags)); }
int open64(const char *name, int flags, ...) { return open_file(name, flags, MODE(flags)); }

int openat(int folder, const char *name, int flags, ...) {
  mode_t mode = MODE(flags);
  if (folder == AT_FDCWD || name[0] == '/') return open_file(name, flags, mode);
  return syscall(SYS_openat, folder, name, flags | O_LARGEFILE, mode);
}

int openat64(int folder, const char *name, int flags, ...) {
  mode_t mode = MODE(flags);
  if (folder == AT_FDCWD || name[0] == '/') return open_file(name, flags, mode);
  return syscall(SYS_openat, folder, name, flags | O_LARGEFILE, mode);
}

/* How wrong the wall clock is, in seconds. */
static long skew(void) {
  char text[32] = {0};
  if (!plan.clock) return 0;
  int saved = errno;
  int fd = syscall(SYS_openat, AT_FDCWD, plan.clock, O_RDONLY | O_CLOEXEC, 0);
  if (fd >= 0) {
    syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
  }
  errno = saved;
  return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += skew();
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  int result = syscall(SYS_gettimeofday, now, zone);
  if (result == 0) now->tv_sec += skew();
  return result;
}

time_t time(time_t *place) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (place) *place = now.tv_sec;
  return now.tv_sec;
}
