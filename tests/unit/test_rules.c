/* lib/rules: what each control file compiles to, and every complaint word for word. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include "rules_double.h"
#include "base/io.h"
#include "base/limits.h"
#include "unit.h"

/* What a text alone (with a good `me`) compiles to: the letter, the key, `@` and the line, `=` and the data of each
 * record, with NUL as `|` and bytes outside of ASCII as {decimal}. */
static struct { char const *file, *text, *records; } const good[] = {
  /* lines */
  { "domains", "", "" },
  { "domains", "a.example", "da.example@1=any " },
  { "domains", "a.example\n", "da.example@1=any " },
  { "domains", "# a\n\n \t\n  # b\n\ta.example \t any\t\n", "da.example@5=any " },
  { "domains", "a.example\r\nb.example\r\n\r\n", "da.example@1=any db.example@2=any " },
  { "domains", "a.example # the first\nb.example any #\n", "da.example@1=any db.example@2=any " },
  /* domains */
  { "domains", "A.Example.\n.SUB.example\nlocalhost\na_b.example\n",
    "da.example@1=any d.sub.example@2=any dlocalhost@3=any da_b.example@4=any " },
  { "domains", "gr\xc3\xbcn.example\n.M\xc3\x9cll.example\n",
    "dxn--grn-ioa.example@1=any d.xn--mll-hoa.example@2=any " },
  { "domains", "[192.0.2.1]\n[IPv6:2001:DB8:0::1]\n[2001:db8::2]\n[::ffff:192.0.2.3]\n",
    "d[192.0.2.1]@1=any d[IPv6:2001:db8::1]@2=any d[IPv6:2001:db8::2]@3=any d[192.0.2.3]@4=any " },
  { "domains", "example.com\n.example.com\n", "dexample.com@1=any d.example.com@2=any " },
  /* relay */
  { "relay", "grant login\n grant\tclients # ours\n", "rgrant login@1= rgrant clients@2= " },
  /* limits */
  { "limits", "size 0\nrecipients 100000\nerrors 007\n", "lsize@1=0 lrecipients@2=100000 lerrors@3=7 " },
  { "limits", "size 4294967295 # much\n", "lsize@1=4294967295 " },
  /* routes */
  { "routes", "a.example:b.example\n.Example:B.example:587\n:[2001:DB8::1]:25\n",
    "oa.example@1=b.example|| o.example@2=b.example|587| o@3=2001:db8::1|25| " },
  { "routes", ":\na.example:\nb.example::26\nc.example:192.0.2.1\nd.example:[192.0.2.2]:1\n",
    "o@1=|| oa.example@2=|| ob.example@3=|26| oc.example@4=192.0.2.1|| od.example@5=192.0.2.2|1| " },
  { "routes", "[192.0.2.1]:c.example\n[IPv6:2001:db8::1]:[::1]:65535 # IPv6\n",
    "o[192.0.2.1]@1=c.example|| o[IPv6:2001:db8::1]@2=::1|65535| " },
  /* clients: actions and values */
  { "clients", "192.0.2.1:allow\n192.0.2.2:deny\n:deny\n", "c192.0.2.1@1= c192.0.2.2@2=D| c@3=D| " },
  { "clients", "192.0.2.1:allow,A=\"1\",B=/two words/,C=xx,D=,:deny,,e_9=\"#\" # e\n",
    "c192.0.2.1@1=+A=1|+B=two words|+C=|+D=:deny|+e_9=#| " },
  { "clients", "192.0.2.1:deny,WHY=\"a # b\"\n", "c192.0.2.1@1=D|+WHY=a # b| " },
  { "clients", "\t192.0.2.1:allow \t\r\n", "c192.0.2.1@1= " },
  { "clients", "10.0.0.1:allow,RELAYCLIENT=\"\",DATABYTES=\"0\"\n", "c10.0.0.1@1=+RELAYCLIENT=|+DATABYTES=0| " },
  { "clients", "192.0.2.9:allow,RELAYPROXY=\"\"\n", "c192.0.2.9@1=+RELAYPROXY=| " },
  { "clients", "192.0.2.9:deny,RELAYPROXY=\"\",RELAYCLIENT=\"\"\n", "c192.0.2.9@1=D|+RELAYPROXY=|+RELAYCLIENT=| " },
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
  { "clients", "::ffff:192.0.2.1:deny\n::ffff:c000:202:deny\n::FFFF:10.0.0.0/104:deny\n",
    "c192.0.2.1@1=D| c192.0.2.2@2=D| c_00001010@3=D| c/4@0={8} " },
  { "clients", "10.0.0.0/8:deny\n192.0.2.4/30:deny\n192.0.2.1/32:deny\n0.0.0.0/0:deny\n128.0.0.0/1:allow\n",
    "c_00001010@1=D| c_110000000000000000000010000001@2=D| c_11000000000000000000001000000001@3=D| c_@4=D| c_1@5= "
    "c/4@0={32}{30}{8}{1}| " },
  { "clients", "2001:db8::/32:allow\n[fc00::]/7:allow\n::/0:deny\n",
    "c^00100000000000010000110110111000@1= c^1111110@2= c^@3=D| c/6@0={32}{7}| " },
};

/* What is wrong, and what is said about it: `file:` is left out. A text is wrong when a line without `warning` is
 * said. */
static struct { char const *file, *text, *why; } const bad[] = {
  /* lines */
  { "domains", "\xef\xbb\xbf" "a.example\n", "1: the file begins with a byte order mark: save it without\n" },
  { "domains", "a.exam\rple\n", "1: a carriage return within the line\n" },
  { "domains", "-\n\nb..example\n", "1: `-` is no domain\n3: `b..example` is no domain\n" },
  { "domains", "\xff\x01\\b\n", "1: `\\xff\\x01\\x5cb` is no domain\n" },
  /* me */
  { "me", "", "1: missing: the file `me` holds the name of this host\n" },
  { "me", "# nothing\n", "1: missing: the file `me` holds the name of this host\n" },
  { "me", "a.example b.example\n", "1: one name stands here, and nothing else\n" },
  { "me", "a.example\nb.example\n", "2: a second name; the first stands in line 1\n" },
  { "me", "192.0.2.1\n", "1: `192.0.2.1` is no domain; an address stands in brackets\n" },
  { "me", "[192.0.2.1]\n", "1: `[192.0.2.1]` is no domain\n" },
  { "me", ".example\n", "1: `.example` is no domain\n" },
  /* domains */
  { "domains", "*\n.\n*.a.example\na@b.example\n",
    "1: `*` is no domain\n2: `` is no domain\n3: `*.a.example` is no domain\n4: `a@b.example` is no domain\n" },
  { "domains", "192.0.2.1\n.2.1\n7\n", "1: `192.0.2.1` is no domain; an address stands in brackets\n"
    "2: `2.1` is no domain; an address stands in brackets\n3: `7` is no domain; an address stands in brackets\n" },
  { "domains", "[192.0.2.1\n[]\n[IPv6:192.0.2.256]\n[192.0.2.0/24]\n[\n", "1: `[192.0.2.1` is no address in brackets\n"
    "2: `[]` is no address in brackets\n3: `[IPv6:192.0.2.256]` is no address in brackets\n"
    "4: `[192.0.2.0/24]` is no address in brackets\n5: `[` is no address in brackets\n" },
  { "domains", "a.example listed\nb.example any any\nc.example ANY\n",
    "1: `listed` is no way to check recipients; known: any\n"
    "2: `any` is one word too many\n3: `ANY` is no way to check recipients; known: any\n" },
  { "domains", "a.example\nb.example\nA.EXAMPLE. any\n", "3: `A.EXAMPLE.` stands already in line 1\n" },
  { "domains", "[::ffff:192.0.2.1]\n[192.0.2.1]\n", "2: `[192.0.2.1]` stands already in line 1\n" },
  { "domains", "a#b\n", "1: `a#b` is no domain\n" },
  /* relay */
  { "relay", "grant pop 300\ngrant\nGRANT login\ngrant login clients\ngrant clientss\ndeny to a.example\n",
    "1: `grant pop 300` is not known; known: grant login, grant clients\n"
    "2: `grant` is not known; known: grant login, grant clients\n"
    "3: `GRANT login` is not known; known: grant login, grant clients\n"
    "4: `grant login clients` is not known; known: grant login, grant clients\n"
    "5: `grant clientss` is not known; known: grant login, grant clients\n"
    "6: `deny to a.example` is not known; known: grant login, grant clients\n" },
  { "relay", "grant login\ngrant  login\n", "2: `grant login` stands already in line 1\n" },
  /* limits */
  { "limits", "sise 1\nhops\nhops 5 6\nhops 4\nhops 1001\nhops -5\nhops 5k\nhops 99999999999999999999999\n",
    "1: `sise` is no limit; known: size recipients text-line hops errors command-time session-time concurrency "
    "destination "
    "queue-time asked-yes asked-no\n"
    "2: a limit's line is its name and a number (Received fields; RFC 5321 6.3)\n"
    "3: a limit's line is its name and a number (Received fields; RFC 5321 6.3)\n"
    "4: hops must be a number from 5 to 1000 (Received fields; RFC 5321 6.3), not `4`\n"
    "5: hops must be a number from 5 to 1000 (Received fields; RFC 5321 6.3), not `1001`\n"
    "6: hops must be a number from 5 to 1000 (Received fields; RFC 5321 6.3), not `-5`\n"
    "7: hops must be a number from 5 to 1000 (Received fields; RFC 5321 6.3), not `5k`\n"
    "8: hops must be a number from 5 to 1000 (Received fields; RFC 5321 6.3), not `99999999999999999999999`\n" },
  { "limits", "hops 5\nhops 5\n", "2: `hops` stands already in line 1\n" },
  /* routes */
  { "routes", "a.example\nb.example c.example\n*:a.example\n",
    "1: no `:` after the domain; a route is domain:relay or domain:relay:port\n"
    "2: `c.example` is one word too many; a route has no blanks\n3: `*` is no domain\n" },
  { "routes", ":relay.example:587|user|pass\na.example:b.example|u|p\n",
    "1: this version knows no login at a relay (domain:relay:port|user|password)\n"
    "2: this version knows no login at a relay (domain:relay:port|user|password)\n" },
  { "routes", ":2001:db8::1:25\n:2001:db8::1\n::1\n:::1\n",
    "1: too many colons; an IPv6 address stands in brackets: domain:[2001:db8::1]:25\n"
    "2: too many colons; an IPv6 address stands in brackets: domain:[2001:db8::1]:25\n"
    "4: too many colons; an IPv6 address stands in brackets: domain:[2001:db8::1]:25\n" },
  { "routes", ":a.example:0\n:a.example:65536\n:a.example:smtp\n:a.example:\n:[::1]25\n:[::1\n:1.2.3\n:a b\n",
    "1: `0` is no port (1 to 65535)\n2: `65536` is no port (1 to 65535)\n3: `smtp` is no port (1 to 65535)\n"
    "4: `` is no port (1 to 65535)\n5: `[::1]25` is no address in brackets\n"
    "6: too many colons; an IPv6 address stands in brackets: domain:[2001:db8::1]:25\n"
    "7: `1.2.3` is no domain; an address stands in brackets\n8: `b` is one word too many; a route has no blanks\n" },
  { "routes", "a.example:b.example\nA.example:\n", "2: `A.example:` stands already in line 1\n" },
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
  { "clients", "192.0.2.1:deny,A=\"1\",AA=\"1\",A=\"1\"\n192.0.2.2:allow,RELAYBY=\"x\"\n"
    "192.0.2.3:allow,RELAYRULESFD=\"0\"\n"
    "192.0.2.4:allow,RELAYRULES=\"x\"\n", "1: `A` is set twice\n2: RELAYBY is for relay-gate alone to set\n"
    "3: RELAYRULESFD is for relay-gate alone to set\n4: RELAYRULES is for relay-gate alone to set\n" },
  { "clients", "10.0.0.1:allow,RELAYCLIENT=\"\",RELAYPROXY=\"\"\n",
    "1: a proxy (RELAYPROXY) can't be trusted with RELAYCLIENT: whom it does not name would relay\n" },
  { "clients", "192.0.2:deny,A=\n", "1: `192.0.2` ends too early: a prefix has a dot at its end (192.0.2.) or a length "
    "(192.0.2.0/24)\n1: `A` has no value in quotes\n" },
  /* clients: addresses */
  { "clients", "a:deny\n192.0.2.256:deny\n192.0.02.1:deny\n1.2.3.4.5:deny\n1.2.3.4.:deny\n.1:deny\n1..2:deny\n"
    "0x7f.1:deny\n"
    "192.0.2.1#:deny\n192.0.2.1 :deny\n1000.:deny\n",
    "1: `a` is no address\n2: `192.0.2.256` is no address\n3: `192.0.02.1` is no address\n"
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
    "10.0.0.4:allow,RELAYCLIENT=\" \"\n10.0.0.5:allow,RELAYCLIENT=\".\xc3\xa4\"\n10.0.0.6:deny,RELAYCLIENT=\"@\"\n"
    "10.0.0.7:allow,RELAYCLIENT=\"@[192.0.2]\"\n",
    "1: RELAYCLIENT's value `@` makes no address when it is appended to a recipient; it should be empty\n"
    "2: RELAYCLIENT's value `%x` makes no address when it is appended to a recipient; it should be empty\n"
    "3: RELAYCLIENT's value `>` makes no address when it is appended to a recipient; it should be empty\n"
    "4: RELAYCLIENT's value ` ` makes no address when it is appended to a recipient; it should be empty\n"
    "5: RELAYCLIENT's value `.\\xc3\\xa4` makes no address when it is appended to a recipient; it should be empty\n"
    "7: RELAYCLIENT's value `@[192.0.2]` makes no address when it is appended to a recipient; it should be empty\n" },
  /* clients: duplicates */
  { "clients", "192.0.2.1:deny\n::ffff:192.0.2.1:allow\n", "2: `::ffff:192.0.2.1` stands already in line 1\n" },
  { "clients", "192.0.2.3:deny\n192.0.2.1-4:allow\n", "2: `192.0.2.3` stands already in line 1\n" },
  { "clients", "2001:db8::1:deny\n[2001:0db8::0:1]:allow\n", "2: `[2001:0db8::0:1]` stands already in line 1\n" },
  { "clients", "10.0.0.0/8:deny\n::ffff:10.0.0.0/104:allow\n", "2: `::ffff:10.0.0.0/104` stands already in line 1\n" },
  { "clients", ":deny\n:allow\n", "2: `` stands already in line 1\n" },
  { "clients", "=A.example:deny\n=a.example:allow\n", "2: `=a.example` stands already in line 1\n" },
};

/* What compiles with a warning. */
static struct { char const *text, *why; } const warned[] = {
  { "10.0.0.1:allow,RELAYCLIENT=\"x\"\n",
    "1: warning: RELAYCLIENT is not empty: its value is appended to each recipient\n" },
  { "=.example:allow,RELAYCLIENT=\"\"\n=a.example:deny\n",
    "1: warning: who owns an address chooses its name: unless the "
    "super-server checks names (tcpserver -p), strangers may relay\n" },
  { "64.0.0.0/7:allow,RELAYCLIENT=\"\"\n10.0.0.0/8:allow,RELAYCLIENT=\"\"\n2000::/3:allow,RELAYCLIENT=\"\"\n"
    "64.0.0.0/3:allow\n2001::/16:allow,RELAYCLIENT=\"\"\n",
    "1: warning: a prefix of 7 bits is a large part of the internet, and it may relay\n"
    "3: warning: a prefix of 3 bits is a large part of the internet, and it may relay\n" },
  { "0-1.:allow,RELAYCLIENT=\"\"\n1.0-255.:allow,RELAYCLIENT=\"\"\n11.:allow,RELAYCLIENT=\"\"\n12-255.:allow\n",
    "1: warning: 33554432 addresses are a large part of the internet, and they may relay\n" },
  { "0-255.:allow,RELAYCLIENT=\"\"\n",
    "1: warning: 4294967296 addresses are a large part of the internet, and they may relay\n" },
  { "10.0.0.9:allow,RELAYPROXY=\"\"\n=.example:allow,RELAYPROXY=\"\"\n64.0.0.0/7:allow,RELAYPROXY=\"\"\n"
    "9-11.:allow,RELAYPROXY=\"\"\n2002::/15:allow,RELAYPROXY=\"\"\n",
    "2: warning: who owns an address chooses its name: unless the super-server checks names (tcpserver -p), strangers "
    "may say whom they speak for\n"
    "3: warning: a prefix of 7 bits is a large part of the internet, and it may say whom it speaks for\n"
    "4: warning: 50331648 addresses are a large part of the internet, and they may say whom they speak for\n"
    "5: warning: a prefix of 15 bits is a large part of the internet, and it may say whom it speaks for\n" },
  { "10.0.0.1:allow,RELAYCLIENT=\".x\"\n10.0.0.2:allow,RELAYCLIENT=\"@y.example\"\n"
    "10.0.0.3:allow,RELAYCLIENT=\"%z@y.example\"\n10.0.0.4:allow,RELAYCLIENT=\"@[192.0.2.1]\"\n",
    "1: warning: RELAYCLIENT is not empty: its value is appended to each recipient\n"
    "2: warning: RELAYCLIENT is not empty: its value is appended to each recipient\n"
    "3: warning: RELAYCLIENT is not empty: its value is appended to each recipient\n"
    "4: warning: RELAYCLIENT is not empty: its value is appended to each recipient\n" },
  { "10.1.0.0/16:allow\n10.:deny\n10.0.0.0/7:allow\n11.0.0.0/8:deny\n10.2.3.4/32:deny\n",
    "1: warning: never used: `10.` in line 2 is asked first\n"
    "5: warning: never used: `10.` in line 2 is asked first\n" },
  { "10.1.0.0/24:allow\n10.1.0.:deny\n10.2.0.0/23:allow\n10.2.0.:deny\n192.0.2.1/32:allow\n192.0.2.1:deny\n",
    "1: warning: never used: `10.1.0.` in line 2 is asked first\n"
    "5: warning: never used: `192.0.2.1` in line 6 is asked first\n" },
};

static void dump(stralloc *out, struct table_set const *t)
{
  uint32_t pos = 0;
  enum table which;
  char const *key;
  size_t n;
  struct record r;
  int found;
  char line[16];
  while ((found = table_next(t, &pos, &which, &key, &n, &r)) > 0) {
    if (which == TABLE_ME) continue;
    char letter = (char)which;
    snprintf(line, sizeof line, "@%u=", (unsigned)r.line);
    for (size_t i = 0; i < n + r.len + 2; i++) {
      char const *s = i == 0 ? &letter : i <= n ? key + i - 1 : r.data + i - n - 2;
      if (i == n + 1) assert_true(stralloc_cats(out, line));
      else if (!*s) assert_true(stralloc_catb(out, "|", 1));
      else if (*s < ' ' || *s == 0x7f || (i > n && key[0] == '/' && letter == 'c')) {
        char number[16];
        snprintf(number, sizeof number, "{%u}", (unsigned)(unsigned char)*s);
        assert_true(stralloc_cats(out, number));
      } else assert_true(stralloc_catb(out, s, 1));
    }
    assert_true(stralloc_catb(out, " ", 1));
  }
  assert_int_equal(found, 0);
  assert_true(stralloc_0(out));
}

/* The text alone, with a `me` unless it is one. */
static int alone(char const *file, char const *text, int *fd)
{
  struct rules_text texts[] = { { file, text, strlen(text) }, { "me", "relay.example", 13 } };
  int result;
  *fd = compiled(texts, strcmp(file, "me") ? 2 : 1, &result);
  return result;
}

/* Takes the warning of a missing line for everybody out of what was said. Returns its line, or 0. */
static unsigned default_line(void)
{
  static char const why[] = ": warning: no line for everybody else: they may connect, as strangers. Add `:allow` "
    "if that is meant, else `:deny`\n";
  char *at = strstr(said.s, why);
  unsigned line = 0;
  if (!at) return 0;
  assert_int_equal(at[sizeof why - 1], 0);
  while (at > said.s && at[-1] != '\n') at--;
  assert_int_equal(sscanf(at, "clients:%u:", &line), 1);
  *at = 0;
  return line;
}

static void compiles(void **state)
{
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    stralloc records = STRALLOC_ZERO;
    int fd, result = alone(good[i].file, good[i].text, &fd);
    default_line();
    assert_string_equal(said.s, "");
    assert_int_equal(result, 0);
    struct table_set *t = table_open_fd(fd);
    assert_non_null(t);
    dump(&records, t);
    assert_string_equal(records.s, good[i].records);
    table_close(t);
    close(fd);
    stralloc_free(&records);
  }
}

/* `why` with the file's name before each line. */
static void with_file(stralloc *out, char const *file, char const *why)
{
  for (char const *lf; *why; why = lf + 1) {
    lf = strchr(why, '\n');
    assert_non_null(lf);
    assert_true(stralloc_cats(out, file) && stralloc_catb(out, ":", 1) && stralloc_catb(out, why,
      (size_t)(lf + 1 - why)));
  }
  assert_true(stralloc_0(out));
}

static void complains(void **state)
{
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    stralloc why = STRALLOC_ZERO;
    int fd, result = alone(bad[i].file, bad[i].text, &fd);
    with_file(&why, bad[i].file, bad[i].why);
    assert_string_equal(said.s, why.s);
    assert_int_equal(result, 1);
    close(fd);
    stralloc_free(&why);
  }
}

static void warns(void **state)
{
  for (size_t i = 0; i < sizeof warned / sizeof *warned; i++) {
    stralloc why = STRALLOC_ZERO;
    int fd, result = alone("clients", warned[i].text, &fd);
    with_file(&why, "clients", warned[i].why);
    default_line();
    assert_string_equal(said.s, why.s);
    assert_int_equal(result, 0);
    close(fd);
    stralloc_free(&why);
  }
}

/* No match means allow: said unless the text says so itself, and not on top of errors. */
static void no_default(void **state)
{
  static struct { char const *text; unsigned line; } const rows[] = {
    { "", 0 }, { "# nothing\n", 0 }, { "10.0.0.1:allow\n", 1 }, { "\n10.0.0.1:deny\n\n10.0.0.2-4:allow\n\n", 4 },
    { "10.0.0.1:allow\n:allow\n", 0 }, { ":deny\n10.0.0.1:allow\n", 0 }, { "=:allow\n", 1 }, { "0.0.0.0/0:deny\n", 1 },
    { "0.0.0.0/0:deny\n::/0:deny\n", 0 }, { "10.0.0.1:allow\n10.0.0.1:allow\n", 0 },
    { "10.0.0.1:allow\n:allowed\n", 0 },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int fd;
    alone("clients", rows[i].text, &fd);
    assert_int_equal(default_line(), rows[i].line);
    close(fd);
  }
}

/* Trusting everybody is refused as soon as `grant clients` stands, however it is written. */
static void open_relay(void **state)
{
  static char const *const everybody[] = { ":", "=:", "0.0.0.0/0:", "::/0:", "::ffff:0.0.0.0/96:" };
  for (size_t i = 0; i < sizeof everybody / sizeof *everybody; i++) {
    char clients[100];
    int result;
    snprintf(clients, sizeof clients, "10.0.0.1:deny\n%sallow,RELAYCLIENT=\"\"\n", everybody[i]);
    struct rules_text texts[] = {
      { "me", "relay.example", 13 }, { "relay", "grant login\ngrant clients", 25 },
      { "clients", clients, strlen(clients) }
    };
    close(compiled(texts, 3, &result));
    assert_int_equal(result, 1);
    assert_string_equal(said.s,
      "clients:2: an open relay: this line sets RELAYCLIENT for everybody, and `grant clients` "
                        "(relay:2) lets them relay\n");
    texts[1].len = 11;
    close(compiled(texts, 3, &result));
    assert_int_equal(result, 0);
  }
}

/* Half of the internet or more is everybody, however many lines it takes and whatever form they have. */
static void open_by_parts(void **state)
{
#define T ":allow,RELAYCLIENT=\"\"\n"
#define P ":allow,RELAYPROXY=\"\"\n"
#define GRANT4 "for half of all IPv4 addresses or more, and `grant clients` (relay:1) lets "
#define GRANT6 "for half of all IPv6 addresses (2000::/3) or more, and `grant clients` (relay:1) lets "
#define HALF4 "an open relay: this and other lines set RELAYCLIENT " GRANT4 "them relay\n"
#define HALF6 "an open relay: this and other lines set RELAYCLIENT " GRANT6 "them relay\n"
#define PROXY4 "an open relay: this and other lines set RELAYPROXY " GRANT4 "whom they name relay\n"
#define PROXY6 "an open relay: this and other lines set RELAYPROXY " GRANT6 "whom they name relay\n"
  static struct { char const *text, *why; } const rows[] = {
    { "0-255." T, "clients:1: " HALF4 }, { "0-127." T, "clients:1: " HALF4 }, { "1-128." T, "clients:1: " HALF4 },
    { "0-126." T, "" }, { "1-99." T "100-255." T, "clients:2: " HALF4 },
    { "128-255." T "0-127." T, "clients:1: " HALF4 },
    { "0.0.0.0/1" T "128.0.0.0/1" T, "clients:1: " HALF4 }, { "0.0.0.0/2" T, "" },
    { "0.0.0.0/2" T "127.0-127." T "64-126." T, "" },               /* half but for a /9 */
    { "0.0.0.0/2" T "127.0-255." T "64-126." T, "clients:1: " HALF4 },
    { "0.0.0.0/2" T "0-63." T "0.0-255." T, "" },                   /* the same twice counts once */
    { "0.0.0.0/2" T "0-64." T "65-126." T "127.0-127." T "127.128.0.0/10" T "127.192.0.0/10" T, "clients:2: " HALF4 },
    { "0.0.0.0/1" P "128.0.0.0/2" T, "clients:1: " PROXY4 }, { "0.0.0.0/2" P "64.0.0.0/2" T, "" }, /* apart */
    { "0-255.:deny\n128.0.0.0/1:allow\n10.0.0.0/8" T, "" },
    { "0-127." T "10.0.:deny\n", "clients:1: " HALF4 },              /* what others take from it is not looked at */
    { "::ffff:0:0/97" T, "clients:1: " HALF4 },
    { "2000::/3" T, "clients:1: " HALF6 }, { "2000::/4" T, "clients:1: " HALF6 }, { "3000::/5" T, "" },
    { "3000::/5" T "2800::/5" T, "clients:1: " HALF6 }, { "::/1" T, "clients:1: " HALF6 }, { "8000::/1" T, "" },
    { "::/2" T "fc00::/7" T, "clients:1: " HALF6 }, { "3000::/5" P "2800::/5" P, "clients:1: " PROXY6 },
    { "2001:db8::/64" T "2001:db8::/65" T "2001:db8::1" T "::1" T "127.0.0.1" T, "" },
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int result;
    for (int grant = 1; grant >= 0; grant--) {
      struct rules_text texts[] = {
        { "me", "relay.example", 13 }, { "relay", grant ? "grant clients" : "grant login", grant ? 13 : 11 },
        { "clients", rows[i].text, strlen(rows[i].text) }
      };
      close(compiled(texts, 3, &result));
      char const *error = strstr(said.s, "an open relay");
      while (error && error > said.s && error[-1] != '\n') error--;
      default_line();
      CHECK(result == (grant && *rows[i].why), "%s%s", rows[i].text, said.s);
      CHECK(!strcmp(error ? error : "", grant ? rows[i].why : ""), "%s%s", rows[i].text, said.s);
    }
  }
#undef T
#undef P
}

static void all_files_at_once(void **state)
{
  static struct rules_text const texts[] = {
    { "limits", "x 1", 3 }, { "routes", "y", 1 }, { "relay", "z", 1 }, { "domains", "!", 1 }, { "clients", "c\0d", 3 },
    { "me", "?", 1 },
  };
  int result;
  close(compiled(texts, 6, &result));
  assert_int_equal(result, 1);
  assert_string_equal(said.s, "me:1: `?` is no domain\nclients:1: a NUL byte\ndomains:1: `!` is no domain\n"
    "relay:1: `z` is not known; known: grant login, grant clients\n"
    "routes:1: no `:` after the domain; a route is domain:relay or domain:relay:port\n"
    "limits:1: `x` is no limit; known: size recipients text-line hops errors command-time session-time concurrency "
    "destination queue-time asked-yes asked-no\n");
}

/* The longest line, and one byte more. */
static void long_line(void **state)
{
  for (size_t more = 0; more < 2; more++) {
    size_t n = LIMIT_RULE_LINE + more, head = strlen("192.0.2.1:deny,A=\"");
    char *s = malloc(n + 1);
    int fd;
    memcpy(s, "192.0.2.1:deny,A=\"", head);
    memset(s + head, 'x', n - head);
    s[n - 1] = '"';
    s[n] = 0;
    assert_int_equal(alone("clients", s, &fd), (int)more);
    if (!more) default_line();
    assert_string_equal(said.s, more ? "clients:1: a line of 65537 bytes; 65536 are allowed\n" : "");
    close(fd);
    free(s);
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

/* A quotation is cut. */
static void long_word(void **state)
{
  char text[401];
  stralloc why = STRALLOC_ZERO;
  int fd;
  memset(text, 'a', 399);
  strcpy(text + 399, "!");
  assert_int_equal(alone("domains", text, &fd), 1);
  text[190] = 0;
  assert_true(stralloc_cats(&why, "domains:1: `") && stralloc_cats(&why, text));
  assert_true(stralloc_cats(&why, "...` is no domain\n") && stralloc_0(&why));
  assert_string_equal(said.s, why.s);
  stralloc_free(&why);
  close(fd);
}

static void scale(void **state)
{
  stralloc clients = STRALLOC_ZERO, domains = STRALLOC_ZERO;
  char text[80];
  for (unsigned i = 0; i < 100000; i++) {
    snprintf(text, sizeof text, "%u.%u.%u.0/24:allow,RELAYCLIENT=\"\"\n", 1 + i / 65536, i / 256 % 256, i % 256);
    assert_true(stralloc_cats(&clients, text));
    snprintf(text, sizeof text, "d%u.hosted.example\n", i);
    assert_true(stralloc_cats(&domains, text));
  }
  struct rules_text texts[] = {
    { "me", "m", 1 }, { "clients", clients.s, clients.len }, { "domains", domains.s, domains.len }
  };
  int64_t start = io_now();
  int result, fd = compiled(texts, 3, &result);
  default_line();
  assert_string_equal(said.s, "");
  assert_int_equal(result, 0);
  assert_true(io_now() - start < 20000);
  struct table_set *t = table_open_fd(fd);
  struct record r;
  assert_non_null(t);
  assert_int_equal(table_find(t, TABLE_DOMAINS, "d99999.hosted.example", 21, &r), 1);
  assert_int_equal(r.line, 100000);
  assert_string_equal(r.file, "domains");
  table_close(t);
  close(fd);
  stralloc_free(&clients);
  stralloc_free(&domains);
}

/* 200,000 lines whose addresses have to be added up: backwards, so that sorting has work. */
static void many_spans(void **state)
{
  stralloc clients = STRALLOC_ZERO;
  char text[60];
  for (unsigned i = 200000; i--; ) {
    snprintf(text, sizeof text, "%u.%u.%u.%s:allow,RELAYCLIENT=\"\"\n", 1 + i / 65536, i / 256 % 256, i % 256,
             i % 2 ? "" : "0/24");
    assert_true(stralloc_cats(&clients, text));
  }
  struct rules_text texts[] = {
    { "me", "m", 1 }, { "clients", clients.s, clients.len }, { "relay", "grant clients", 13 }
  };
  int64_t start = io_now();
  int result;
  close(compiled(texts, 3, &result));
  assert_int_equal(default_line(), 200000);
  assert_string_equal(said.s, "");
  assert_int_equal(result, 0);
  assert_true(io_now() - start < 20000);
  assert_true(stralloc_cats(&clients, "5-131.:allow,RELAYCLIENT=\"\"\n"));
  texts[1] = (struct rules_text){ "clients", clients.s, clients.len };
  close(compiled(texts, 3, &result));
  assert_int_equal(result, 1);
  assert_non_null(strstr(said.s, "clients:200001: an open relay: this and other lines set RELAYCLIENT for half of"));
  stralloc_free(&clients);
}

/* From a directory: missing files are empty ones, unreadable ones stop everything. */
static void directory(void **state)
{
  char dir[] = "/tmp/test_rules.XXXXXX", path[64];
  assert_non_null(mkdtemp(dir));
  FILE *f = tmpfile();
  assert_non_null(f);
  said.len = 0;
  assert_int_equal(rules_compile(dir, fileno(f), say, &said), 1);
  assert_true(stralloc_0(&said));
  assert_string_equal(said.s, "me:1: missing: the file `me` holds the name of this host\n");
  snprintf(path, sizeof path, "%s/me", dir);
  int fd = open(path, O_WRONLY | O_CREAT, 0600);
  assert_int_equal(io_write_file(fd, "relay.example\n", 14), 0);
  close(fd);
  assert_int_equal(ftruncate(fileno(f), 0), 0);
  rewind(f);
  assert_int_equal(rules_compile(dir, fileno(f), say, &said), 0);
  snprintf(path, sizeof path, "%s/routes", dir);
  assert_int_equal(mkdir(path, 0700), 0);
  said.len = 0;
  assert_int_equal(rules_compile(dir, fileno(f), say, &said), -1);
  assert_int_equal(errno, EISDIR);
  assert_true(stralloc_0(&said));
  assert_string_equal(said.s, "routes:1: unable to read: Is a directory\n");
  fclose(f);
  rmdir(path);
  snprintf(path, sizeof path, "%s/me", dir);
  unlink(path);
  rmdir(dir);
}

/* A table that can't be written is a system error, not a complaint. */
static void no_room(void **state)
{
  struct rules_text me = { "me", "relay.example", 13 };
  int fd = open("/dev/full", O_RDWR), result;
  if (fd < 0) skip();
  said.len = 0;
  result = rules_compile_texts(&me, 1, fd, say, &said);
  assert_int_equal(result, -1);
  assert_int_equal(said.len, 0);
  close(fd);
}

int main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(compiles), cmocka_unit_test(complains), cmocka_unit_test(warns), cmocka_unit_test(open_relay),
    cmocka_unit_test(no_default), cmocka_unit_test(open_by_parts), cmocka_unit_test(many_spans),
    cmocka_unit_test(all_files_at_once), cmocka_unit_test(long_line), cmocka_unit_test(long_user),
      cmocka_unit_test(scale), cmocka_unit_test(long_word),
    cmocka_unit_test(directory), cmocka_unit_test(no_room),
  };
  int r = cmocka_run_group_tests(tests, 0, 0);
  stralloc_free(&said);
  return r;
}
