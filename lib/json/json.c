/* Writes JSON into a stralloc. */
#include <assert.h>
#include <string.h>
#include <skalibs/types.h>
#include "json/json.h"
#include "parse/utf8.h"

#define REPLACEMENT 0xfffd /* for bytes that are no UTF-8 */

static void put(struct json *j, char const *s, size_t n)
{
  if (!j->failed && !stralloc_catb(j->out, s, n)) j->failed = 1;
}

/* What stands between the values before and the next one. */
static void separate(struct json *j)
{
  int in_object = j->depth && (j->objects >> (j->depth - 1) & 1);
  assert(in_object ? j->keyed : !j->keyed && (j->depth || !j->some));
  if (j->some && !j->keyed) put(j, ",", 1);
  j->some = 1;
  j->keyed = 0;
}

static void begin(struct json *j, unsigned is_object)
{
  separate(j);
  assert(j->depth < JSON_DEPTH);
  j->objects = (j->objects & ~(UINT32_C(1) << j->depth)) | (uint32_t)is_object << j->depth;
  j->depth++;
  j->some = 0;
  put(j, is_object ? "{" : "[", 1);
}

void json_object(struct json *j)
{
  begin(j, 1);
}

void json_array(struct json *j)
{
  begin(j, 0);
}

void json_end(struct json *j)
{
  assert(j->depth && !j->keyed);
  j->depth--;
  j->some = 1;
  put(j, j->objects >> j->depth & 1 ? "}" : "]", 1);
}

static void put_unit(struct json *j, unsigned unit)
{
  char s[6] = "\\u";
  for (unsigned i = 0; i < 4; i++) s[2 + i] = "0123456789abcdef"[unit >> (12 - 4 * i) & 15];
  put(j, s, sizeof s);
}

static void put_char(struct json *j, uint32_t c)
{
  char s[2] = { '\\', (char)c };
  if (c == '"' || c == '\\') put(j, s, 2);
  else if (c >= ' ' && c < 0x7f) put(j, s + 1, 1);
  else if (c < 0x10000) put_unit(j, c);
  else {
    put_unit(j, 0xd800 + ((c - 0x10000) >> 10));
    put_unit(j, 0xdc00 + ((c - 0x10000) & 0x3ff));
  }
}

static void quoted(struct json *j, char const *s, size_t n)
{
  put(j, "\"", 1);
  while (n) {
    uint32_t c;
    size_t len = utf8_next(&c, s, n);
    if (!len) {
      c = REPLACEMENT;
      len = 1;
    }
    put_char(j, c);
    s += len;
    n -= len;
  }
  put(j, "\"", 1);
}

void json_key(struct json *j, char const *key)
{
  assert(j->depth && (j->objects >> (j->depth - 1) & 1) && !j->keyed);
  if (j->some) put(j, ",", 1);
  quoted(j, key, strlen(key));
  put(j, ":", 1);
  j->keyed = 1;
}

void json_string(struct json *j, char const *s, size_t n)
{
  separate(j);
  quoted(j, s, n);
}

void json_str(struct json *j, char const *s)
{
  if (s) json_string(j, s, strlen(s));
  else json_null(j);
}

void json_number(struct json *j, int64_t n)
{
  char s[UINT64_FMT + 1];
  separate(j);
  put(j, s, int64_fmt(s, n));
}

void json_bool(struct json *j, int yes)
{
  separate(j);
  if (yes) put(j, "true", 4);
  else put(j, "false", 5);
}

void json_null(struct json *j)
{
  separate(j);
  put(j, "null", 4);
}
