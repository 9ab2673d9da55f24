/* lib/rules: the file `clients`. */
#include "rules_cases.h"

static struct good_case const good[] = {
  /* clients: actions and values */
  { "clients", "192.0.2.1:allow\n192.0.2.2:deny\n:deny\n", "c192.0.2.1@1= c192.0.2.2@2=D| c@3=D| " },
  { "clients", "192.0.2.1:allow,A=\"1\",B=/two words/,C=xx,D=,:deny,,e_9=\"#\" # e\n",
    "c192.0.2.1@1=+A=1|+B=two words|+C=|+D=:deny|+e_9=#| " },
  { "clients", "192.0.2.1:deny,WHY=\"a # b\" # ok: deny-variables\n", "c192.0.2.1@1=D|+WHY=a # b| " },
  { "clients", "\t192.0.2.1:allow \t\r\n", "c192.0.2.1@1= " },
  { "clients", "10.0.0.1:allow,RELAYCLIENT=\"\",DATABYTES=\"0\"\n", "c10.0.0.1@1=+RELAYCLIENT=|+DATABYTES=0| " },
  { "clients", "192.0.2.9:allow,RELAYPROXY=\"\"\n", "c192.0.2.9@1=+RELAYPROXY=| " },
  { "clients", "192.0.2.9:deny,RELAYPROXY=\"\",RELAYCLIENT=\"\" # ok: deny-variables\n",
    "c192.0.2.9@1=D|+RELAYPROXY=|+RELAYCLIENT=| " },
  { "clients", ":allow,RELAYCLIENT=\"\"\n", "c@1=+RELAYCLIENT=| " }, /* without `grant clients` it grants nothing */
  /* clients: addresses */
  { "clients", "0.0.0.0:deny\n255.255.255.255:deny\n10.:deny\n10.0.:deny\n10.0.0.:deny\n",
    "c0.0.0.0@1=D| c255.255.255.255@2=D| c10.@3=D| c10.0.@4=D| c10.0.0.@5=D| " },
  { "clients", "10.0.0.9-11:deny\n", "c10.0.0.9@1=D| c10.0.0.10@1=D| c10.0.0.11@1=D| " },
  { "clients", "10.1-2.:deny\n7-7.:deny\n1.9-10.3.4:deny\n",
    "c10.1.@1=D| c10.2.@1=D| c7.@2=D| c1.9.3.4@3=D| c1.10.3.4@3=D| " },
  { "clients", "0-1.:deny\n", "c0.@1=D| c1.@1=D| " },
  { "clients", "=:deny\n=Host.Example:deny\n=.Example:deny\n", "c=@1=D| c=host.example@2=D| c=.example@3=D| " },
  { "clients", "Joe@192.0.2.1:deny\na@b@=Host.example.:deny\n\xe4 b@[2001:db8::1]:deny\n_1@192.0.2.1:deny\n",
    "cJoe@192.0.2.1@1=D| ca@b@=host.example@2=D| c{228} b@2001:db8::1@3=D| c_1@192.0.2.1@4=D| " },
  { "clients", "2001:DB8:0:0::1:deny\n[2001:db8::2]:deny\n::1:deny\n:::deny\n[192.0.2.1]:deny\n",
    "c2001:db8::1@1=D| c2001:db8::2@2=D| c::1@3=D| c::@4=D| c192.0.2.1@5=D| " },
  { "clients", "::ffff:192.0.2.1:deny # ok: mapped\n::ffff:c000:202:deny # ok: mapped\n"
    "::FFFF:10.0.0.0/104:deny #ok: mapped\n",
    "c192.0.2.1@1=D| c192.0.2.2@2=D| c_00001010@3=D| c/4@0={8} " },
  { "clients", "10.0.0.0/8:deny\n192.0.2.4/30:deny\n192.0.2.1/32:deny\n0.0.0.0/0:deny\n128.0.0.0/1:allow\n",
    "c_00001010@1=D| c_110000000000000000000010000001@2=D| c_11000000000000000000001000000001@3=D| c_@4=D| c_1@5= "
    "c/4@0={32}{30}{8}{1}| " },
  { "clients", "2001:db8::/32:allow\n[fc00::]/7:allow\n::/0:deny\n",
    "c^00100000000000010000110110111000@1= c^1111110@2= c^@3=D| c/6@0={32}{7}| " },
};

static struct bad_case const bad[] = {
  /* clients: lines */
  { "clients", "192.0.2.1\n192.0.2.1 allow\n192.0.2.1:Allow\n192.0.2.1:allowed\nallow\n",
    "1: no `:allow` or `:deny` after the address\n2: no `:allow` or `:deny` after the address\n"
    "3: no `:allow` or `:deny` after the address\n4: no `:allow` or `:deny` after the address\n"
    "5: no `:allow` or `:deny` after the address\n" },
  { "clients", "192.0.2.1:allow,\n192.0.2.2:allow,A\n192.0.2.3:allow,A=\n192.0.2.4:allow,A=\"\n192.0.2.5:allow,A=\"b\n"
    "192.0.2.6:allow,A=\"b\"c\n192.0.2.7:allow,A=\"b\",\n192.0.2.8:allow,=\"\"\n192.0.2.9:allow,9=\"\"\n"
    "192.0.2.10:allow b\n192.0.2.11:allow, A=\"b\"\n192.0.2.12:allow,A=\"b\"#c\n",
    "1: `` is no variable: VAR=\"value\" follows a comma\n2: `A` is no variable: VAR=\"value\" follows a comma\n"
    "3: `A` has no value in quotes\n4: the value of `A` lacks its second quote\n"
    "5: the value of `A` lacks its second quote\n"
    "6: `c` stands behind the rule's end\n7: `` is no variable: VAR=\"value\" follows a comma\n"
    "8: `=\"\"` is no variable: VAR=\"value\" follows a comma\n"
    "9: `9=\"\"` is no variable: VAR=\"value\" follows a comma\n"
    "10: `b` stands behind the rule's end\n11: ` A=\"b\"` is no variable: VAR=\"value\" follows a comma\n"
    "12: `#c` stands behind the rule's end\n" },
  { "clients", "192.0.2.1:deny,A=\"1\",AA=\"1\",A=\"1\"\n", "1: `A` is set twice\n" },
  { "clients", "10.0.0.1:allow,RELAYCLIENT=\"\",RELAYPROXY=\"\"\n",
    "1: a proxy (RELAYPROXY) can't be trusted with RELAYCLIENT: whom it does not name would relay\n" },
  { "clients", "192.0.2:deny,A=\n", "1: `192.0.2` ends too early: a prefix has a dot at its end (192.0.2.) or a length "
    "(192.0.2.0/24)\n1: `A` has no value in quotes\n" },
  /* clients: addresses */
  { "clients", "a:deny\n192.0.2.256:deny\n192.0.02.1:deny\n1.2.3.4.5:deny\n1.2.3.4.:deny\n.1:deny\n1..2:deny\n"
    "0x7f.1:deny\n"
    "192.0.2.1#:deny\n192.0.2.1 :deny\n1000.:deny\n",
    "1: `a` is no address\n2: `192.0.2.256` is no address\n3: `192.0.02.1` has a number with a leading zero, which "
    "some programs read as octal\n"
    "4: `1.2.3.4.5` is no address\n"
    "5: `1.2.3.4.` is no address\n6: `.1` is no address\n7: `1..2` is no address\n8: `0x7f.1` is no address\n"
    "9: `192.0.2.1#` is no address\n10: `192.0.2.1 ` is no address\n11: `1000.` is no address\n" },
  { "clients", "10.0.0.5-4:deny\n10.0.0.1-256:deny\n10.0.0.-4:deny\n10.0.0.4-:deny\n10.0-1.0-1.:deny\n"
    "10.0.0.1-2-3:deny\n",
    "1: `10.0.0.5-4` has a range that runs backwards\n2: `10.0.0.1-256` is no address\n3: `10.0.0.-4` is no address\n"
    "4: `10.0.0.4-` is no address\n5: `10.0-1.0-1.` has more than one range\n6: `10.0.0.1-2-3` is no address\n" },
  { "clients", "10.0.0.1/8:deny\n10.0.0.0/33:deny\n10.0.0.0/:deny\n10.0.0.0/08:deny\n10.0.0.0/8/8:deny\n10.0/8:deny\n"
    "10.0.0.0/255.0.0.0:deny\n2001:db8::1/64:deny\n2001:db8::/129:deny\n::ffff:0.0.0.0/95:deny\n"
    "::ffff:10.0.0.0/8:deny\n"
    "=a/8:deny\n/8:deny\n10.0.0.0/8-9:deny\n10.0.0.0/-1:deny\n",
    "1: `10.0.0.1/8` has bits set behind its prefix length\n2: `10.0.0.0/33` has no right prefix length\n"
    "3: `10.0.0.0/` has no right prefix length\n4: `10.0.0.0/08` has no right prefix length\n"
    "5: `10.0.0.0/8/8` has no right prefix length\n"
    "6: `10.0/8` is no prefix: an address, a slash and a length stand here\n"
    "7: `10.0.0.0/255.0.0.0` has no right prefix length\n"
    "8: `2001:db8::1/64` has bits set behind its prefix length\n9: `2001:db8::/129` has no right prefix length\n"
    "10: `::ffff:0.0.0.0/95` is a prefix of IPv4-mapped addresses shorter than 96 bits: write it in IPv4\n"
    "11: `::ffff:10.0.0.0/8` is a prefix of IPv4-mapped addresses shorter than 96 bits: write it in IPv4\n"
    "12: `=a/8` has no host name after its `=`\n"
    "13: `/8` is no prefix: an address, a slash and a length stand here\n"
    "14: `10.0.0.0/8-9` has no right prefix length\n15: `10.0.0.0/-1` has no right prefix length\n" },
  { "clients", "2001:db8:1::deny\nfe80::1%eth0:deny\n2001:db8:1:deny\n[::1:deny\n",
    "1: `2001:db8:1:` is no address; an IPv6 prefix is written with its length (2001:db8::/32)\n"
    "2: `fe80::1%eth0` is no address\n3: `2001:db8:1` is no address\n4: `[::1` is no address\n" },
  { "clients", "=..example:deny\n=a b:deny\n=.:deny\n@192.0.2.1:deny\njoe@:deny\njoe@10.:deny\njoe@10.0.0.0/8:deny\n"
    "joe@=:deny\n"
    "joe@=.example:deny\nj\x01@192.0.2.1:deny\n",
    "1: `=..example` has no host name after its `=`\n2: `=a b` has no host name after its `=`\n"
    "3: `=.` has no host name after its `=`\n4: `@192.0.2.1` has no user before its `@`\n"
    "5: `joe@` must have one address or =host after its `@`\n"
    "6: `joe@10.` must have one address or =host after its `@`\n"
    "7: `joe@10.0.0.0/8` must have one address or =host after its `@`\n"
    "8: `joe@=` must have one address or =host after its `@`\n"
    "9: `joe@=.example` must have one address or =host after its `@`\n"
    "10: `j\\x01@192.0.2.1` has control characters before its `@`\n" },
  /* clients: RELAYPROXY for everybody, RELAYCLIENT's value */
  { "clients", ":allow,RELAYPROXY=\"\"\n=:allow,RELAYPROXY=\"\"\n0.0.0.0/0:allow,RELAYPROXY=\"\"\n"
    "::/0:allow,RELAYPROXY=\"\"\n",
    "1: RELAYPROXY for everybody: any stranger could say that he speaks for a trusted client\n"
    "2: RELAYPROXY for everybody: any stranger could say that he speaks for a trusted client\n"
    "3: RELAYPROXY for everybody: any stranger could say that he speaks for a trusted client\n"
    "4: RELAYPROXY for everybody: any stranger could say that he speaks for a trusted client\n" },
  { "clients", "10.0.0.1:allow,RELAYCLIENT=\"@\"\n10.0.0.2:allow,RELAYCLIENT=\"%x\"\n10.0.0.3:allow,RELAYCLIENT=\">\"\n"
    "10.0.0.4:allow,RELAYCLIENT=\" \"\n10.0.0.5:allow,RELAYCLIENT=\".\xc3\xa4\"\n10.0.0.6:deny,RELAYCLIENT=\"@\" # "
    "ok: deny-variables\n"
    "10.0.0.7:allow,RELAYCLIENT=\"@[192.0.2]\"\n",
    "1: RELAYCLIENT's value `@` makes no address when it is appended to a recipient; it should be empty\n"
    "2: RELAYCLIENT's value `%x` makes no address when it is appended to a recipient; it should be empty\n"
    "3: RELAYCLIENT's value `>` makes no address when it is appended to a recipient; it should be empty\n"
    "4: RELAYCLIENT's value ` ` makes no address when it is appended to a recipient; it should be empty\n"
    "5: RELAYCLIENT's value `.\\xc3\\xa4` makes no address when it is appended to a recipient; it should be empty\n"
    "7: RELAYCLIENT's value `@[192.0.2]` makes no address when it is appended to a recipient; it should be empty\n" },
  /* clients: duplicates */
  { "clients", "192.0.2.1:deny\n::ffff:192.0.2.1:allow # ok: mapped\n",
    "2: `::ffff:192.0.2.1` stands already in line 1\n" },
  { "clients", "192.0.2.3:deny\n192.0.2.1-4:allow\n", "2: `192.0.2.3` stands already in line 1\n" },
  { "clients", "2001:db8::1:deny\n[2001:0db8::0:1]:allow\n", "2: `[2001:0db8::0:1]` stands already in line 1\n" },
  { "clients", "10.0.0.0/8:deny\n::ffff:10.0.0.0/104:allow # ok: mapped\n",
    "2: `::ffff:10.0.0.0/104` stands already in line 1\n" },
  { "clients", ":deny\n:allow\n", "2: `` stands already in line 1\n" },
  { "clients", "=A.example:deny\n=a.example:allow\n", "2: `=a.example` stands already in line 1\n" },
};

/* What compiles with a warning. */
static struct bad_case const warned[] = {
  { "clients", "10.0.0.1:allow,RELAYCLIENT=\"x\"\n",
    "1: warning: RELAYCLIENT is not empty: its value is appended to each recipient [appended-value]\n" },
  { "clients", "=.example:allow,RELAYCLIENT=\"\"\n=a.example:deny\n",
    "1: warning: who owns an address chooses its name: unless the "
    "super-server checks names (tcpserver -p), strangers may relay [by-name]\n" },
  { "clients", "64.0.0.0/7:allow,RELAYCLIENT=\"\"\n10.0.0.0/8:allow,RELAYCLIENT=\"\"\n2000::/3:allow,RELAYCLIENT=\"\"\n"
    "64.0.0.0/3:allow\n2003::/16:allow,RELAYCLIENT=\"\"\n",
    "1: warning: a prefix of 7 bits is a large part of the internet, and it may relay [large-prefix]\n"
    "3: warning: a prefix of 3 bits is a large part of the internet, and it may relay [large-prefix]\n" },
  { "clients",
    "0-1.:allow,RELAYCLIENT=\"\"\n1.0-255.:allow,RELAYCLIENT=\"\"\n11.:allow,RELAYCLIENT=\"\"\n12-255.:allow\n",
    "1: warning: 33554432 addresses are a large part of the internet, and they may relay [large-prefix]\n"
    "1: warning: `1.` is never used: longer prefixes (line 2 is one) hold all of its addresses [unused]\n" },
  { "clients", "0-255.:allow,RELAYCLIENT=\"\"\n",
    "1: warning: 4294967296 addresses are a large part of the internet, and they may relay [large-prefix]\n" },
  { "clients", "10.0.0.9:allow,RELAYPROXY=\"\"\n=.example:allow,RELAYPROXY=\"\"\n64.0.0.0/7:allow,RELAYPROXY=\"\"\n"
    "9-11.:allow,RELAYPROXY=\"\"\n2002::/15:allow,RELAYPROXY=\"\"\n",
    "2: warning: who owns an address chooses its name: unless the super-server checks names (tcpserver -p), strangers "
    "may say whom they speak for [by-name]\n"
    "3: warning: a prefix of 7 bits is a large part of the internet, and it may say whom it speaks for [large-prefix]\n"
    "4: warning: 50331648 addresses are a large part of the internet, and they may say whom they speak for "
    "[large-prefix]\n"
    "5: warning: a prefix of 15 bits is a large part of the internet, and it may say whom it speaks for "
    "[large-prefix]\n" },
  { "clients", "10.0.0.1:allow,RELAYCLIENT=\".x\"\n10.0.0.2:allow,RELAYCLIENT=\"@y.example\"\n"
    "10.0.0.3:allow,RELAYCLIENT=\"%z@y.example\"\n10.0.0.4:allow,RELAYCLIENT=\"@[192.0.2.1]\"\n",
    "1: warning: RELAYCLIENT is not empty: its value is appended to each recipient [appended-value]\n"
    "2: warning: RELAYCLIENT is not empty: its value is appended to each recipient [appended-value]\n"
    "3: warning: RELAYCLIENT is not empty: its value is appended to each recipient [appended-value]\n"
    "4: warning: RELAYCLIENT is not empty: its value is appended to each recipient [appended-value]\n" },
  { "clients", "10.0.0.1:deny,A=\"1\"\n10.0.0.2:deny,RELAYCLIENT=\"x\"\n10.0.0.3:deny,RELAYPROXY=\"\"\n10.0.0.4:deny\n",
    "1: warning: a client that is denied is sent away: the variables do nothing [deny-variables]\n"
    "2: warning: a client that is denied is sent away, and does not relay: the variables do nothing [deny-variables]\n"
    "3: warning: a client that is denied is sent away: the variables do nothing [deny-variables]\n" },
  { "clients",
    "::ffff:192.0.2.1:deny\n[::ffff:c000:0202]:deny\n::ffff:0:0/96:deny\n::1:deny\njoe@::ffff:192.0.2.3:deny\n",
    "1: warning: `::ffff:192.0.2.1` counts as IPv4: it is better written so [mapped]\n"
    "2: warning: `[::ffff:c000:0202]` counts as IPv4: it is better written so [mapped]\n"
    "3: warning: `::ffff:0:0/96` counts as IPv4: it is better written so [mapped]\n"
    "5: warning: `joe@::ffff:192.0.2.3` counts as IPv4: it is better written so [mapped]\n" },
};

/* Lines that no client gets to, and their neighbours that some do. */
#define FIRST(name, other, line) "`" name "` is never used: `" other "` in line " line " is asked first [unused]\n"
#define WITHIN(name, line) \
  "`" name "` is never used: longer prefixes (line " line " is one) hold all of its addresses [unused]\n"
static struct bad_case const unused[] = {
  { "clients", "10.1.0.0/16:allow\n10.:deny\n10.0.0.0/7:allow\n11.0.0.0/8:deny\n10.2.3.4/32:deny\n",
    "1: warning: " FIRST("10.1.0.0/16", "10.", "2") "3: warning: " WITHIN("10.0.0.0/7", "2") "5: warning: "
    FIRST("10.2.3.4/32", "10.", "2") },
  { "clients", "10.1.0.0/24:allow\n10.1.0.:deny\n10.2.0.0/23:allow\n10.2.0.:deny\n192.0.2.1/32:allow\n192.0.2.1:deny\n",
    "1: warning: " FIRST("10.1.0.0/24", "10.1.0.", "2") "5: warning: " FIRST("192.0.2.1/32", "192.0.2.1", "6") },
  { "clients", "10.:allow\n10.1.:allow\n10.1.1.0/25:allow\n", "3: warning: " FIRST("10.1.1.0/25", "10.1.", "2") },
  { "clients", "192.0.2.0/24:allow\n192.0.2.0/25:allow\n192.0.2.128/25:deny\n",
    "1: warning: " WITHIN("192.0.2.0/24", "2") },
  { "clients",
    "192.0.2.0/24:allow\n192.0.2.0/25:allow\n192.0.2.128/26:deny\n192.0.2.192/27:deny\n192.0.2.224/27:deny\n",
    "1: warning: " WITHIN("192.0.2.0/24", "2") },
  { "clients",
    "192.0.2.0/24:allow\n192.0.2.0/25:allow\n192.0.2.128/26:deny\n192.0.2.192/27:deny\n192.0.2.224/28:deny\n",
    "" },
  { "clients", "192.0.2.0/24:allow\n192.0.2.0/25:allow\n192.0.2.0/26:deny\n192.0.2.64/26:deny\n",
    "2: warning: " WITHIN("192.0.2.0/25", "3") },
  { "clients", "192.0.2.0/31:allow\n192.0.2.0-1:deny\n", "1: warning: " WITHIN("192.0.2.0/31", "2") },
  { "clients", "192.0.2.0/30:allow\n192.0.2.0-2:deny\n", "" },
  { "clients", "10.0.:allow\n10.0.0-255.:deny\n", "1: warning: " WITHIN("10.0.", "2") },
  { "clients", "10.0.:allow\n10.0.0-254.:deny\n10.0.255.0/24:deny\n", "3: warning: " FIRST("10.0.255.0/24", "10.0.",
    "1") },
  { "clients", "10.0.0.0/15:allow\n10.0.:deny\n10.1.:deny\n", "1: warning: " WITHIN("10.0.0.0/15", "2") },
  { "clients", "0.0.0.0/0:allow\n0-255.:deny\n", "1: warning: " WITHIN("0.0.0.0/0", "2") },
  { "clients", "0.0.0.0/0:allow\n0-254.:deny\n", "" },
  { "clients", "0.0.0.0/0:allow\n0.0.0.0/1:deny\n128.0.0.0/1:deny\n::/1:deny\n::/0:allow\n",
    "1: warning: " WITHIN("0.0.0.0/0", "2") },
  { "clients", "::/0:deny\n::/1:allow\n8000::/1:allow\n", "1: warning: " WITHIN("::/0", "2") },
  { "clients", "2001:db8::/127:deny\n2001:db8::1:allow\n2001:db8:::allow\n", "1: warning: " WITHIN("2001:db8::/127",
    "3") },
  { "clients", "2001:db8::/126:deny\n2001:db8::1:allow\n2001:db8:::allow\n2001:db8::2/127:allow\n",
    "1: warning: " WITHIN("2001:db8::/126", "3") },
  { "clients", "2001:db8::1/128:deny\n2001:db8::1:allow\n", "1: warning: " FIRST("2001:db8::1/128", "2001:db8::1",
    "2") },
  { "clients", "2001:db8::/64:deny\n2001:db8:::allow\n", "" },
  { "clients", ":allow\n0.0.0.0/0:deny\n::/0:deny\n=:allow\njoe@10.0.0.1:allow\n10.0.0.1:deny\n", "" },
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

static void never_used(void **state)
{
  WARNINGS_OF(unused);
}

/* The line of the warning about a missing line for everybody, or 0. */
static unsigned default_line(void)
{
  char *at = strstr(said.s, ": warning: no line for everybody else, so they may connect, as strangers: add `:allow` or "
                    "`:deny`; if that is meant, end the line with `# ok: default-allow`\n");
  unsigned line = 0;
  if (!at) return 0;
  while (at > said.s && at[-1] != '\n') at--;
  assert_int_equal(sscanf(at, "clients:%u:", &line), 1);
  return line;
}

/* No match means allow: said unless the text says so itself, and not on top of errors. At the first line, so that it
 * stays where it is. */
static void no_default(void **state)
{
  static struct { char const *text; unsigned line; } const rows[] = {
    { "", 0 }, { "# nothing\n", 0 }, { "10.0.0.1:allow\n", 1 }, { "\n10.0.0.1:deny\n\n10.0.0.2-4:allow\n\n", 2 },
    { "10.0.0.1:allow\n:allow\n", 0 }, { ":deny\n10.0.0.1:allow\n", 0 }, { "=:allow\n", 1 }, { "0.0.0.0/0:deny\n", 1 },
    { "0.0.0.0/0:deny\n::/0:deny\n", 0 }, { "10.0.0.1:allow\n10.0.0.1:allow\n", 0 },
    { "10.0.0.1:allow\n:allowed\n", 0 }, { "10.0.0.1:allow # ok: default-allow\n10.0.0.2:deny\n", 0 },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int fd;
    alone("clients", rows[i].text, &fd);
    assert_int_equal(default_line(), rows[i].line);
    close(fd);
  }
}

/* 512 bytes of a user are the most that the gate looks up. */
static void long_user(void **state)
{
  for (size_t n = 512; n < 514; n++) {
    char text[600];
    int fd;
    memset(text, 'u', n);
    strcpy(text + n, "@=a.example:deny\n");
    assert_int_equal(alone("clients", text, &fd), n > 512);
    if (n > 512) assert_non_null(strstr(said.s, "has too long a user before its `@`"));
    close(fd);
  }
}

/* What the gate, the super-server or a program of ours states is for no rule to set, in no line: who could name the
 * client's address would be whom another line trusts. Others that look like it may be set. */
static void facts(void **state)
{
  static char const *const refused[] = { "PROTO", "TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEHOST", "TCPREMOTEINFO",
    "TCPLOCALIP", "TCPLOCALPORT", "TCPLOCALHOST", "TCP6REMOTEIP", "TCP6INTERFACE", "REMOTE_ADDR", "REMOTE_HOST",
    "REMOTE_PORT", "SSLREMOTEIP", "SSL_CLIENT_S_DN", "RELAYBY", "RELAYRULES", "RELAYRULESFD", "RELAYID", "RELAYUTF8",
    "RELAYASK", "RELAYASKED", "DNSCACHEIP", "RELAYTRUSTAD", "RELAYSTAMP", "RELAYSTAMPUNTIL", "RELAYSTAMPFAIL",
    "RELAY_CTRL_DIR", "RELAY_CTRL_EXPIRY" };
  static char const *const taken[] = { "RELAYSTAMPS", "RELAY_CTRL", "QMAILQUEUE", "RELAYQUEUE", "DATABYTES", "PROTOCOL",
    "REMOTE", "PATH", "TC" };
  (void)state;
  for (size_t i = 0; i < sizeof refused / sizeof *refused + sizeof taken / sizeof *taken; i++) {
    size_t bad = sizeof refused / sizeof *refused;
    char text[200], want[200] = "";
    char const *name = i < bad ? refused[i] : taken[i - bad];
    int fd;
    snprintf(text, sizeof text, "192.0.2.1:allow,A=\"1\",%s=\"10.0.0.1\"\n", name);
    int result = alone("clients", text, &fd);
    if (i < bad)
      snprintf(want, sizeof want, "1: `%s` is for no rule to set: relay-gate, the super-server or our own programs "
               "state it\n", name);
    char *why = in_brief("clients");
    CHECK(result == (i < bad) && !strcmp(why, want), "%s%s", text, why);
    free(why);
    close(fd);
  }
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(compiles), cmocka_unit_test(complains), cmocka_unit_test(warns), cmocka_unit_test(never_used),
    cmocka_unit_test(no_default), cmocka_unit_test(long_user), cmocka_unit_test(facts),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
