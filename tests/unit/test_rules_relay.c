/* lib/rules: the file `relay`. */
#include "rules_cases.h"

#define BITS10 "_00001010"
#define BITS10_16 "_0000101000000000"
#define DB8 "^00100000000000010000110110111000"

static struct good_case const good[] = {
  { "relay", "", "" },
  { "relay", "grant login\n grant\tclients # ours\ngrant pop\nrequire login\nrequire tls\n"
    "require  sender hosted # ok: nobody-relays\n",
    "rgrant login@1= rgrant clients@2= rgrant pop@3=300| rrequire login@4= rrequire tls@5= "
    "rrequire sender hosted@6= " },
  { "relay", "grant anyone open-relay\n", "rgrant anyone@1=open-relay " },
  { "relay", "grant to A.example.\ngrant to .B.example\ngrant to [::ffff:192.0.2.1]\ngrant to Joe@C.example\n"
    "grant to joe@[IPv6:2001:DB8::1]\n",
    "rgrant to a.example@1= rgrant to .b.example@2= rgrant to [192.0.2.1]@3= rgrant to joe@c.example@4= "
    "rgrant to joe@[IPv6:2001:db8::1]@5= " },
  { "relay", "deny to A.example\ndeny to .b.example\ndeny to [192.0.2.1]\ndeny to \"Joe\"@gr\xc3\xbcn.example\n",
    "rdeny to a.example@1= rdeny to .b.example@2= rdeny to [192.0.2.1]@3= rdeny to joe@xn--grn-ioa.example@4= " },
  { "relay", "grant sender @A.example forgeable\ngrant sender @.b.example forgeable\n"
    "grant sender Joe+x@C.example forgeable\ngrant sender @[192.0.2.1] forgeable\n",
    "rgrant sender @a.example@1=forgeable rgrant sender @.b.example@2=forgeable "
    "rgrant sender joe+x@c.example@3=forgeable rgrant sender @[192.0.2.1]@4=forgeable " },
  { "%", "%domains\nours.example\n%relay\ngrant sender hosted forgeable\nlocal A.example\nlocal .b.example\n"
    "local Joe@c.example\n",
    "dours.example@1=any rgrant sender hosted@1=forgeable rlocal a.example@2= rlocal .b.example@3= "
    "rlocal joe@c.example@4= " },
  { "%", "%relay\ngrant sender user forgeable\nlocal Joe@c.example\n",
    "rgrant sender user@1=forgeable rlocal joe@c.example@2= " },
  { "relay", "grant to-host 192.0.2.1\ngrant to-host 10.0.0.0/8\ngrant to-host 2001:db8::/32\n"
    "grant to-host ::ffff:11.0.0.0/104\n",
    "rgrant to-host _11000000000000000000001000000001@1= rgrant to-host " BITS10 "@2= rgrant to-host " DB8 "@3= "
    "rgrant to-host _00001011@4= rgrant to-host/4@0={32}{8} rgrant to-host/6@0={32} " },
  { "%", "%domains\nours.example\n%relay\ngrant device 10.0.0.0/8 from Joe@a.example to any\ngrant device 10.0.0.0/8 "
    "from @.b.example to "
    ".C.example\n"
    "grant device [2001:db8::]/32 from any to [192.0.2.1]\ngrant device 10.0.0.0/16 from hosted to Ann@d.example\n",
    "dours.example@1=any rgrant device " BITS10 "@0= rgrant device " BITS10 " joe@a.example any@1= "
    "rgrant device " BITS10 " @.b.example .c.example@2= rgrant device " DB8 "@0= "
    "rgrant device " DB8 " any [192.0.2.1]@3= rgrant device " BITS10_16 "@0= "
    "rgrant device " BITS10_16 " hosted ann@d.example@4= rgrant device/4@0={16}{8} rgrant device/6@0={32} " },
};

static struct bad_case const bad[] = {
  { "relay", "grant to any\ndeny to all\ngrant to hosted\ngrant device 10.0.0.1 from any to all\n",
    "1: `any` is no word here, and as a domain hardly meant\n2: `all` is no word here, and as a domain hardly meant\n"
    "3: `hosted` is no word here, and as a domain hardly meant\n"
    "4: `all` is no word here, and as a domain hardly meant\n" },
  { "relay", "grant\nGRANT login\ngrant clientss\nrequire sender\nrequire sender any\ndeny a.example\npermit x\n",
    "1: `grant` is not known; known:\n2: `GRANT login` is not known; known:\n3: `grant clientss` is not known; known:\n"
    "4: `hosted` is missing\n5: `hosted` must stand before `any`\n6: `deny a.example` is not known; known:\n"
    "7: `permit x` is not known; known:\n" },
  { "relay", "grant login clients\ngrant clients 10.0.0.1\nrequire tls login\nlocal a.example "
    "b.example\n"
    "grant to a.example b.example\ndeny to a.example b.example\n",
    "1: `clients` is one word too many\n2: `10.0.0.1` is one word too many\n3: `login` is one word too many\n"
    "4: `b.example` is one word too many\n5: `b.example` is one word too many\n"
    "6: `b.example` is one word too many\n" },
  { "relay", "grant anyone\ngrant anyone open\ngrant anyone open-relay now\n",
    "1: an open relay: every stranger may send anywhere. Who means that says `grant anyone open-relay`\n"
    "2: `open-relay` must stand before `open`\n3: `now` is one word too many\n" },
  { "relay", "grant to\ndeny to\nlocal\n", "1: a domain or an address is missing\n2: a domain or an address is "
    "missing\n"
    "3: a domain or an address is missing\n" },
  { "relay", "grant to @a.example\ngrant to *.a.example\ngrant to a..example\ngrant to 192.0.2.1\ngrant to joe@\n"
    "grant to a%b@c.example\ngrant to *@c.example\ngrant to joe+*@c.example\n",
    "1: `@a.example`: all of a domain is written without the @\n2: `*.a.example` is no domain\n"
    "3: `a..example` is no domain\n4: `192.0.2.1` is no domain; an address stands in brackets\n"
    "5: `joe@` is no address\n6: `a%b@c.example`: a local part with %, ! or @, or one that needs quotes, is never "
    "accepted\n7: `*@c.example`: no asterisk can stand there\n8: `joe+*@c.example`: no asterisk can stand there\n" },
  { "relay", "grant sender joe@a.example\ngrant sender @a.example forged\ngrant sender hosted\ngrant sender user\n"
    "grant sender a.example forgeable\ngrant sender\ngrant sender @ forgeable\ngrant sender <> forgeable\n"
    "grant sender joe@a.example forgeable now\n",
    "1: forgeable: whoever gives this address as his sender relays. Who means that says `forgeable` at the end\n"
    "2: `forgeable` must stand before `forged`\n"
    "3: forgeable: whoever gives this address as his sender relays. Who means that says `forgeable` at the end\n"
    "4: forgeable: whoever gives this address as his sender relays. Who means that says `forgeable` at the end\n"
    "5: `a.example` is no address; all of a domain is written with an @ before it\n"
    "6: an address, @domain, `hosted` or `user` is missing\n7: `@` is no address\n"
    "8: `<>` is no address; all of a domain is written with an @ before it\n9: `now` is one word too many\n" },
  { "relay", "grant to-host\ngrant to-host a.example\ngrant to-host 10.0.0.1/8\ngrant to-host 10.0.0.0/33\n"
    "grant to-host 10.0.0.0/\ngrant to-host 10.00.0.0/8\ngrant to-host ::/129\ngrant to-host ::ffff:0:0/95\n"
    "grant to-host 10.\n",
    "1: an address, or a prefix with its length, is missing\n2: `a.example` is no address\n"
    "3: `10.0.0.1/8` has bits set behind its prefix length\n4: `10.0.0.0/33` has no right prefix length\n"
    "5: `10.0.0.0/` has no right prefix length\n"
    "6: `10.00.0.0` has a number with a leading zero, which some programs read as octal\n"
    "7: `::/129` has no right prefix length\n8: `::ffff:0:0/95` has no right prefix length\n9: `10.` is no address\n" },
  { "relay", "grant device\ngrant device 10.0.0.1\ngrant device 10.0.0.1 from\ngrant device 10.0.0.1 to any from any\n"
    "grant device 10.0.0.1 from any\ngrant device 10.0.0.1 from any to\ngrant device 10.0.0.1 from a.example to any\n"
    "grant device 10.0.0.1 from any to @a.example\ngrant device 10.0.0.1 from any to any rate 200/d\n"
    "grant device 10.0.0.1 from any to any forgeable\n",
    "1: an address, or a prefix with its length, is missing\n2: `from` is missing\n3: a sender is missing\n"
    "4: `from` must stand before `to`\n5: `to` is missing\n6: a recipient is missing\n"
    "7: `a.example` is no address; all of a domain is written with an @ before it\n"
    "8: `@a.example`: all of a domain is written without the @\n9: this version knows no `rate`\n"
    "10: `forgeable` is one word too many\n" },
  /* the same twice */
  { "relay", "grant login\ngrant  login # again\n", "2: `grant  login` stands already in line 1\n" },
  { "relay", "deny to a.example\ndeny to A.Example.\n", "2: `deny to A.Example.` stands already in line 1\n" },
  { "relay", "grant to-host 10.0.0.0/8\ngrant to-host ::ffff:10.0.0.0/104\n",
    "2: `grant to-host ::ffff:10.0.0.0/104` stands already in line 1\n" },
  { "relay", "grant device 10.0.0.1 from Joe@a.example to any\ngrant device 10.0.0.1/32 from joe@A.example to any\n",
    "2: `grant device 10.0.0.1/32 from joe@A.example to any` stands already in line 1\n" },
};

#define HOSTED "%domains\nours.example\n.ours.example\nwide.example\n%relay\n"
#define NEEDS_NONE(line) "hosted (domains:" line "): mail to it needs no grant [unused]\n"
#define TOO(line) "line " line " grants that too [unused]\n"
#define VOID(line) "void: `deny to` in line " line " comes first [unused]\n"

#define NOT_HOSTED "void: this sender is not hosted, and `require sender hosted` (line 1) refuses it [unused]\n"

static struct bad_case const warned[] = {
  /* grants that are not needed, or void */
  { "%", HOSTED "grant to ours.example\ngrant to a.b.ours.example\ngrant to joe@wide.example\ngrant to .ours.example\n"
    "grant to .wide.example\ngrant to example\n",
    "relay:1: warning: " NEEDS_NONE("1") "relay:2: warning: " NEEDS_NONE("2") "relay:3: warning: " NEEDS_NONE("3")
    "relay:4: warning: " NEEDS_NONE("2") },
  { "relay", "grant to a.example\ngrant to joe@a.example\ngrant to b.a.example\ngrant to .b.example\ngrant to "
    "x.b.example\n"
    "grant to .y.b.example\ngrant to ann@x.b.example\ngrant to b.example\n",
    "2: warning: " TOO("1") "5: warning: " TOO("4") "6: warning: " TOO("4") "7: warning: " TOO("5") },
  { "relay", "grant to a.example\ndeny to a.example\ngrant to .b.example\ndeny to .example\ngrant to joe@c.test\n"
    "deny to c.test\ndeny to joe@d.test\ngrant to d.test\ngrant device 10.0.0.1 from any to ann@c.test\n",
    "1: warning: " VOID("2") "2: warning: line 4 denies that too [unused]\n" "3: warning: " VOID("4")
    "5: warning: " VOID("6") "9: warning: " VOID("6") },
  { "relay", "deny to .a.example\ndeny to joe@b.a.example\ndeny to a.example\n",
    "2: warning: line 1 denies that too [unused]\n" },
  /* denials of what is hosted */
  { "%", HOSTED "deny to wide.example\ndeny to x.ours.example\ndeny to joe@ours.example\n",
    "relay:1: warning: hosted (domains:3): all mail to it is refused [deny-hosted]\n"
    "relay:2: warning: hosted (domains:2): all mail to it is refused [deny-hosted]\n" },
  { "%", HOSTED "deny to .example # the enemy's\n",
    "domains:1: warning: hosted, but `deny to` (relay:1) refuses all mail to it [deny-hosted]\n"
    "domains:2: warning: hosted, but `deny to` (relay:1) refuses all mail to it [deny-hosted]\n"
    "domains:3: warning: hosted, but `deny to` (relay:1) refuses all mail to it [deny-hosted]\n" },
  /* senders */
  { "relay", "grant sender @a.example forgeable\ngrant sender joe@a.example forgeable\ngrant sender @.a.example "
    "forgeable\n"
    "grant sender @b.a.example forgeable\ngrant sender ann@b.a.example forgeable\n",
    "2: warning: " TOO("1") "4: warning: " TOO("3") "5: warning: " TOO("4") },
  { "%", HOSTED "grant sender hosted forgeable\ngrant sender user forgeable\ngrant sender joe@ours.example forgeable\n"
    "grant sender @x.ours.example forgeable\ngrant sender @far.example forgeable\nlocal far.example\nlocal "
    "joe@c.example\n"
    "grant sender joe@c.example forgeable\ngrant sender @c.example forgeable\n",
    "relay:2: warning: " TOO("1") "relay:3: warning: " TOO("1") "relay:4: warning: " TOO("1")
    "relay:5: warning: " TOO("1") "relay:8: warning: " TOO("1") },
  { "relay", "grant sender hosted forgeable\n",
    "1: warning: there is nothing in `domains`, and no line `local` [unused]\n" },
  { "%", HOSTED "grant sender user forgeable\n",
    "relay:1: warning: there is nothing in `recipients`, and no line `local` with an address [unused]\n" },
  /* local */
  { "relay", "local a.example\nlocal joe@b.example\n",
    "1: warning: only `grant sender hosted` and `grant sender user` look at it, and neither stands here [unused]\n"
    "2: warning: only `grant sender hosted` and `grant sender user` look at it, and neither stands here [unused]\n" },
  { "%", HOSTED "grant sender hosted forgeable\nlocal wide.example\nlocal joe@ours.example\nlocal far.example\n"
    "local joe@far.example\nlocal .far.example\nlocal x.far.example\n",
    "relay:2: warning: hosted (domains:3), and so local already [unused]\n"
    "relay:3: warning: hosted (domains:1), and so local already [unused]\n"
    "relay:5: warning: line 4 says that too [unused]\nrelay:7: warning: line 6 says that too [unused]\n" },
  { "%", HOSTED "grant sender user forgeable\nlocal joe@ours.example\nlocal far.example\n",
    "relay:3: warning: `grant sender user` looks at lines with a whole address alone [unused]\n" },
  /* devices */
  { "%", HOSTED "grant device 10.0.0.1 from any to hosted\ngrant device 10.0.0.1 from any to joe@ours.example\n"
    "grant device 10.0.0.1 from any to far.example\ngrant to far.example\n",
    "relay:1: warning: mail to hosted domains needs no grant [unused]\nrelay:2: warning: " NEEDS_NONE("1")
    "relay:3: warning: " TOO("4") },
  { "%", HOSTED "grant device 10.0.0.0/8 from @ours.example to any\ngrant device 10.0.0.1 from @ours.example to any\n"
    "grant device 10.0.0.0/8 from joe@ours.example to far.example\ngrant device 11.0.0.1 from @ours.example to any\n"
    "grant device 10.0.0.0/7 from @ours.example to x.example\ngrant device 10.0.0.2 from hosted to any\n"
    "grant device 10.0.0.2 from ann@wide.example to y.example\ngrant device 10.0.0.2 from any to y.example\n"
    "grant device 10.0.0.2 from ann@far.example to ann@y.example\ngrant device 10.0.0.2 from any to .y.example\n",
    "relay:2: warning: " TOO("1") "relay:3: warning: " TOO("1") "relay:7: warning: " TOO("6")
    "relay:9: warning: " TOO("8") },
  { "%", HOSTED "grant device 10.0.0.1 from hosted to any\ngrant device 10.0.0.1 from @far.example to any\n"
    "local far.example # ok: unused\n", "" }, /* a device's `hosted` is not `local` */
  { "relay", "grant device 2001:db8::/32 from any to any\ngrant device 2001:db8::1 from joe@a.example to a.example\n"
    "grant device 10.0.0.0/8 from any to any\n", "2: warning: " TOO("1") },
  { "relay", "grant device 10.0.0.1 from hosted to any\n", "1: warning: there is nothing in `domains` [unused]\n" },
  { "%", HOSTED "grant sender hosted forgeable\ngrant sender @far.example forgeable\n"
    "grant device 10.0.0.1 from hosted to any\ngrant device 10.0.0.1 from joe@far.example to any\n"
    "grant device 10.0.0.1 from @ours.example to x.example\ngrant device 10.0.0.1 from any to any\n",
    "relay:3: warning: " TOO("1") "relay:4: warning: " TOO("2") "relay:5: warning: " TOO("1") },
  { "relay", "require sender hosted\ngrant login\n",
    "1: warning: there is nothing in `domains`: this refuses whoever wants to relay [nobody-relays]\n" },
  /* a requirement that no such sender fulfils */
  { "%", HOSTED "require sender hosted\ngrant sender @partner.example forgeable\ngrant sender ann@p.example forgeable\n"
    "grant sender @.p.example forgeable\ngrant sender joe@ours.example forgeable\nlocal far.example\n"
    "grant sender @far.example forgeable\ngrant device 10.0.0.1 from @p.example to any\n"
    "grant device 10.0.0.1 from any to any\ngrant device 10.0.0.2 from @x.ours.example to any\n",
    "relay:2: warning: " NOT_HOSTED "relay:3: warning: " NOT_HOSTED
    "relay:6: warning: only `grant sender hosted` and `grant sender user` look at it, and neither stands here "
    "[unused]\n"
    "relay:7: warning: " NOT_HOSTED "relay:8: warning: " NOT_HOSTED },
  /* to-host */
  { "relay", "grant to-host 10.1.0.0/16\ngrant to-host 10.0.0.0/8\ngrant to-host 10.1.2.3\ngrant to-host 11.0.0.0/8\n"
    "grant to-host c000::/8\n", "1: warning: " TOO("2") "3: warning: " TOO("2") },
  /* anyone */
  { "relay", "grant login\ngrant to a.example\ngrant anyone open-relay\nrequire tls\ndeny to b.example\n"
    "grant pop 5\n",
    "1: warning: `grant anyone` (line 3) grants that too [unused]\n"
    "2: warning: `grant anyone` (line 3) grants that too [unused]\n"
    "6: warning: `grant anyone` (line 3) grants that too [unused]\n" },
};

static void compiles(void **state)
{
  GOOD(good);
}

static void complains(void **state)
{
  ERRORS(bad);
}

static void warns(void **state)
{
  WARNINGS_OF(warned);
}

/* The longest local part and domain on both sides still make a key that the table takes. */
static void longest_device(void **state)
{
  char local[257], domain[254], text[1400];
  int fd;
  memset(local, 'l', 256);
  local[256] = 0;
  for (size_t i = 0; i < 253; i++) domain[i] = i % 64 == 63 ? '.' : 'd';
  domain[253] = 0;
  snprintf(text, sizeof text, "grant device 2001:db8::1 from %s@%s to %s@%s\n", local, domain, local, domain);
  assert_int_equal(alone("relay", text, &fd), 0);
  assert_string_equal(said.s, "");
  close(fd);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(compiles), cmocka_unit_test(complains), cmocka_unit_test(warns), cmocka_unit_test(longest_device),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
