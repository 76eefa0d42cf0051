/*
 * Asks libmemcached which server a key belongs to; nothing is connected to.
 *
 *   placement-libmemcached DISTRIBUTION HASH HOST:PORT:WEIGHT ... < keys > indexes
 *
 * DISTRIBUTION is modula, ketama or ketama-weighted; HASH a number of memcached_hash_t, or -1 to leave the default.
 * A key is its length as two bytes, little-endian, and its bytes; an index is a line.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The part of libmemcached 1.x that is used: its headers are in a package that has no program to look for. */
typedef struct memcached_st memcached_st;
memcached_st *memcached_create(memcached_st *);
void memcached_free(memcached_st *);
int memcached_behavior_set(memcached_st *, int behavior, uint64_t value);
int memcached_server_add_with_weight(memcached_st *, const char *host, in_port_t, uint32_t weight);
uint32_t memcached_generate_hash(const memcached_st *, const char *key, size_t);

enum {
  SUCCESS = 0,
  BEHAVIOR_HASH = 2,
  BEHAVIOR_KETAMA = 3,
  BEHAVIOR_DISTRIBUTION = 9,
  BEHAVIOR_KETAMA_WEIGHTED = 16,
  DISTRIBUTION_MODULA = 0,
};

static void fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static void set(memcached_st *memc, int behavior, uint64_t value) {
  if (memcached_behavior_set(memc, behavior, value) != SUCCESS) fail("behavior refused");
}

static void add_server(memcached_st *memc, char *server) {
  char *weight = strrchr(server, ':');
  if (weight == NULL) fail("HOST:PORT:WEIGHT expected");
  *weight++ = '\0';
  char *port = strrchr(server, ':');
  if (port == NULL) fail("HOST:PORT:WEIGHT expected");
  *port++ = '\0';
  if (memcached_server_add_with_weight(memc, server, (in_port_t)atoi(port), (uint32_t)atoi(weight)) != SUCCESS)
    fail("server refused");
}

int main(int argc, char **argv) {
  if (argc < 4) fail("too few arguments");
  memcached_st *memc = memcached_create(NULL);
  if (strcmp(argv[1], "modula") == 0) set(memc, BEHAVIOR_DISTRIBUTION, DISTRIBUTION_MODULA);
  else if (strcmp(argv[1], "ketama") == 0) set(memc, BEHAVIOR_KETAMA, 1);
  else if (strcmp(argv[1], "ketama-weighted") == 0) set(memc, BEHAVIOR_KETAMA_WEIGHTED, 1);
  else fail("unknown distribution");
  if (atoi(argv[2]) >= 0) set(memc, BEHAVIOR_HASH, (uint64_t)atoi(argv[2]));
  for (int i = 3; i < argc; i++) add_server(memc, argv[i]);

  unsigned char length[2];
  static char key[65536];
  while (fread(length, 1, 2, stdin) == 2) {
    size_t bytes = (size_t)length[0] | ((size_t)length[1] << 8);
    if (fread(key, 1, bytes, stdin) != bytes) fail("a key is cut off");
    printf("%u\n", memcached_generate_hash(memc, key, bytes));
  }
  memcached_free(memc);
  return 0;
}
