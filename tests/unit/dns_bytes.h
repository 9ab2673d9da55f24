/* DNS messages written byte by byte (RFC 1035, 4.1). */
#ifndef TESTS_DNS_BYTES_H
#define TESTS_DNS_BYTES_H

#include <string.h>

static unsigned char msg[70000];
static size_t len;

static void u16(unsigned v)
{
  msg[len++] = (unsigned char)(v >> 8);
  msg[len++] = (unsigned char)v;
}

static void name(char const *s)
{
  while (*s) {
    size_t n = strcspn(s, ".");
    msg[len++] = (unsigned char)n;
    memcpy(msg + len, s, n);
    len += n;
    s += n + (s[n] == '.');
  }
  msg[len++] = 0;
}

#endif
