/* The least that a durable super-step can cost: one-row transactions with the settings of the store.
 *
 *   floor TRANSACTIONS BYTES FOLDER        prints {"seconds": …}
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static sqlite3 *db;

static void run(const char *sql) {
  char *message = NULL;
  if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
    fprintf(stderr, "floor: %s: %s\n", sql, message ? message : "?");
    exit(1);
  }
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  int transactions = atoi(arguments[1]), bytes = atoi(arguments[2]);
  char path[4096];
  snprintf(path, sizeof path, "%s/floor.sqlite", arguments[3]);
  if (sqlite3_open(path, &db) != SQLITE_OK) return 1;
  run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT)");
  sqlite3_stmt *insert;
  if (sqlite3_prepare_v2(db, "INSERT INTO row (text) VALUES (?)", -1, &insert, NULL) != SQLITE_OK) return 1;
  char *text = malloc(bytes + 1);
  memset(text, 'x', bytes);
  double start = now();
  for (int number = 0; number < transactions; number++) {
    run("BEGIN IMMEDIATE");
    sqlite3_bind_text(insert, 1, text, bytes, SQLITE_STATIC);
    if (sqlite3_step(insert) != SQLITE_DONE) return 1;
    sqlite3_reset(insert);
    run("COMMIT");
  }
  printf("{\"seconds\": %f}\n", now() - start);
  return 0;
}
