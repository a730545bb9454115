// What Swift cannot import: sqlite3_db_config() and prctl() are variadic, and Glibc's module leaves statfs() and mallopt()
// out.
#pragma once

#include <sqlite3.h>
#ifdef __APPLE__
#include <sys/mount.h>
#else
#include <sys/vfs.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <sys/prctl.h>
#endif

/// Refuses writable_schema and shadow writes, and leaves checkpoints to us when the last connection closes.
static inline int graphrun_sqlite_harden(sqlite3 *db) {
  int on = 0, rc = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, &on);
  if (rc != SQLITE_OK || !on) return rc ? rc : SQLITE_ERROR;
  rc = sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, &on);
  return rc != SQLITE_OK || on ? rc : SQLITE_ERROR;
}

/// 1 if defensive mode is on.
static inline int graphrun_sqlite_is_defensive(sqlite3 *db) {
  int on = 0;
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, -1, &on);
  return on;
}

/// Pages this connection wrote (to the -wal) so far.
static inline int graphrun_sqlite_pages_written(sqlite3 *db) {
  int pages = 0, highest = 0;
  sqlite3_db_status(db, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &highest, 0);
  return pages;
}

static inline sqlite3_file *graphrun_sqlite_log(sqlite3 *db) {
  sqlite3_file *log = 0;
  int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  return rc == SQLITE_OK && log && log->pMethods ? log : 0;
}

/// Bytes of the -wal; 0 where there is none.
static inline sqlite3_int64 graphrun_sqlite_log_size(sqlite3 *db) {
  sqlite3_file *log = graphrun_sqlite_log(db);
  sqlite3_int64 size = 0;
  return log && log->pMethods->xFileSize(log, &size) == SQLITE_OK ? size : 0;
}

/// Writes zeros behind the end of a -wal of `size` bytes, as far as there is room on the disk. Returns its new size. To be
/// called by the one who may write to the database, outside of a transaction.
static inline sqlite3_int64 graphrun_sqlite_lengthen_log(sqlite3 *db, sqlite3_int64 size, sqlite3_int64 more) {
  static const char zeros[64 << 10];
  sqlite3_file *log = graphrun_sqlite_log(db);
  sqlite3_int64 end = size + more;
  while (log && size < end) {
    int count = end - size < (sqlite3_int64)sizeof zeros ? (int)(end - size) : (int)sizeof zeros;
    if (log->pMethods->xWrite(log, zeros, count, size) != SQLITE_OK) break;
    size += count;
  }
  return size;
}

/// 1 if the database file was renamed, replaced or removed since it was opened.
static inline int graphrun_sqlite_has_moved(sqlite3 *db) {
  int moved = 0;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved;
}

/// The file system's magic number; on Apple systems 0 for a local one and -2 for any other; -1 on failure.
static inline long graphrun_file_system(const char *path) {
  struct statfs info;
  if (statfs(path, &info) != 0) return -1;
#ifdef __APPLE__
  return info.f_flags & MNT_LOCAL ? 0 : -2;
#else
  return (long)info.f_type;
#endif
}

/// Buffers of 256 KiB and more go back to the system as they are freed; glibc would begin to keep them.
static inline void graphrun_return_large_buffers(void) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
#endif
}

/// No other process of the user may attach to this one or read its memory, and it leaves no core file.
static inline void graphrun_hide_memory(void) {
#ifdef __linux__
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/// Neither this process nor any it starts can gain rights by a set-uid program. To be called before there are threads.
static inline void graphrun_keep_rights(void) {
#ifdef __linux__
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#endif
}
