/* PROXY headers: read exactly, the reader never stands behind the header's end. */
#include "fuzz.h"
#include "parse/proxy.h"

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  struct proxy whole, p;
  char *s = fuzz_copy(data, size);
  enum proxy_status all = proxy_scan(&whole, s, size), st;
  if (all == PROXY_DONE) MUST(whole.used >= 15 && whole.used <= size && whole.used <= PROXY_MAX);
  if (all == PROXY_MORE) MUST(whole.want >= 1 && size + whole.want <= PROXY_MAX);
  if (all == PROXY_DONE) MUST(whole.known == (whole.src.len != 0) && whole.known == (whole.dst.len != 0));
  size_t have = 0;
  for (;;) {
    char *exact = fuzz_copy(s, have);
    st = proxy_scan(&p, exact, have);
    free(exact);
    if (st != PROXY_MORE) break;
    MUST(p.want >= 1 && have + p.want <= PROXY_MAX);
    if (have + p.want > size) break;
    have += p.want;
  }
  if (all == PROXY_DONE) MUST(st == PROXY_DONE && have == whole.used && !memcmp(&p.src, &whole.src,
    sizeof p.src) && p.src_port == whole.src_port);
  if (st == PROXY_DONE) MUST(all == PROXY_DONE);
  if (st == PROXY_BAD) MUST(all == PROXY_BAD);
  free(s);
  return 0;
}
