// Makes ThreadSanitizer see Swift's Mutex. What a thread does at a lock that is free is compiled into its caller, where the
// sanitizer sees it; waiting and waking are in libswiftSynchronization, which was built without it, and it would report as a race
// what the lock orders. So these stand before the library's own and tell it.
// https://github.com/swiftlang/swift/blob/main/stdlib/public/Synchronization/Mutex/LinuxImpl.swift
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

static void tell(const char *name, void *handle) {
  // Absent in the programs that a test starts.
  void (*function)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, name);
  if (function) function(handle);
}

SWIFT void lock(uint32_t thread, SELF void *handle) __asm__(LOCK);
SWIFT void lock(uint32_t thread, SELF void *handle) {
  SWIFT void (*library)(uint32_t, SELF void *) = dlsym(RTLD_NEXT, LOCK);
  library(thread, handle);
  tell("__tsan_acquire", handle);
}

SWIFT bool try(SELF void *handle) __asm__(TRY);
SWIFT bool try(SELF void *handle) {
  SWIFT bool (*library)(SELF void *) = dlsym(RTLD_NEXT, TRY);
  bool locked = library(handle);
  if (locked) tell("__tsan_acquire", handle);
  return locked;
}

SWIFT void unlock(SELF void *handle) __asm__(UNLOCK);
SWIFT void unlock(SELF void *handle) {
  SWIFT void (*library)(SELF void *) = dlsym(RTLD_NEXT, UNLOCK);
  tell("__tsan_release", handle);
  library(handle);
}
