/* Paths: what comes out is read again as the same, holds nothing that hurts, and stays within its limits. */
#include "fuzz.h"
#include "parse/address.h"
#include "parse/utf8.h"

static void check(struct address const *a, int utf8)
{
  struct address again;
  MUST(a->len <= LIMIT_ADDRESS && strlen(a->text) == a->len && a->local_len <= a->len);
  for (size_t i = 0; i < a->len; i++) MUST((unsigned char)a->text[i] >= ' ' && a->text[i] != 0x7f);
  MUST(utf8_valid(a->text, a->len));
  for (size_t i = 0; i < a->len && !a->utf8; i++) MUST((unsigned char)a->text[i] < 0x80);
  MUST(!a->utf8 || utf8);
  if (!a->len) return;
  MUST(a->local_len == a->len || a->text[a->local_len] == '@');
  MUST((a->local_len == a->len) == !a->domain[0]);
  for (size_t i = 0; i < a->local_len; i++) MUST(a->onward || !strchr("%!@\" ,:;<>()[]\\", a->text[i]));
  MUST(address_mailbox(&again, a->text, a->len, utf8) == ADDRESS_OK);
  MUST(!strcmp(again.text, a->text) && !strcmp(again.domain, a->domain) && again.local_len == a->local_len);
  MUST(again.literal == a->literal && again.utf8 == a->utf8 && again.onward == a->onward);
  MUST(a->literal == (a->domain[0] == '['));
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  uint8_t how = fuzz_byte(&data, &size);
  struct address a, b;
  size_t used = 0;
  char *s = fuzz_copy(data, size);
  enum address_error e = address_path(&a, s, size, how & 1, !!(how & 2), &used);
  if (e == ADDRESS_OK) {
    MUST(used >= 2 && used <= size && s[0] == '<' && s[used - 1] == '>');
    MUST(a.len || how & 1);
    check(&a, !!(how & 2));
    size_t cut;
    char *exact = fuzz_copy(s, used); /* nothing behind the path matters */
    MUST(address_path(&b, exact, used, how & 1, !!(how & 2), &cut) == ADDRESS_OK && cut == used && !strcmp(a.text,
      b.text));
    MUST(address_path(&b, exact, used - 1, how & 1, !!(how & 2), &cut) != ADDRESS_OK);
    free(exact);
  }
  if (e == ADDRESS_NEEDS_UTF8) MUST(!(how & 2) && address_path(&b, s, size, how & 1, 1, &used) == ADDRESS_OK);
  if (address_mailbox(&a, s, size, !!(how & 2)) == ADDRESS_OK) {
    MUST(a.len);
    check(&a, !!(how & 2));
  }
  free(s);
  return 0;
}
