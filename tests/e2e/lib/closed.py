"""Sets of rules by which no stranger relays, made up; and what a stranger tries against them. Whom they trust lies in
TRUSTED; strangers come from elsewhere."""

TRUSTED = ["10.0.0.0/8", "192.168.0.0/16", "192.168.7.", "172.16-31.", "10.1.2.3", "fd00::/8", "2001:db8:ffff::/48",
           "127.", "::1", "100.64.0.0/10", "198.18.0.0/15", "64.0.0.0/8", "[2400::]/16", "::ffff:10.9.0.0/112",
           "10.4.5-9.7"]
STRANGERS = ["203.0.113.9", "198.51.100.200", "8.8.8.8", "2001:db8::99", "2a00::1", "1.1.1.1"]
WORDS = ["alpha", "beta", "gamma", "delta", "mail", "in", "lab", "x1", "eu"]
TLDS = ["com", "net", "org", "example", "test", "co.uk"]
LOCAL_TLDS = ["local", "lan", "internal", "test", "home.arpa", "corp"]
LOCALS = ["joe", "ann", "info", "postmaster", "a.b", "x_y", "o'neil", "list-request"]


class Rules:
    """texts: the control files. hosted, granted: domains, .suffixes, literals, addresses that a stranger may reach."""

    def __init__(self, r, plain, size):
        self.r = r
        self.hosted, self.granted, self.texts = [], [], {}
        self.domains(size)
        self.mailboxes()
        self.clients(plain, size)
        self.relay(plain, size)

    def name(self):
        return ".".join(self.r.sample(WORDS, self.r.randint(1, 2))) + "." + self.r.choice(TLDS)

    def domains(self, size):
        r, lines, self.listed = self.r, {}, []
        for _ in range(r.randint(1, 6)):
            lines[r.choice(["", "."]) + self.name()] = 0
        if r.random() < .3:
            lines["." + r.choice(LOCAL_TLDS)] = 0
        if r.random() < .3:
            lines[r.choice(["[192.0.2.77]", "[IPv6:2001:db8::77]"])] = 0
        lines.update(("d%d.%s" % (i, r.choice(TLDS)), 0) for i in range(size))
        text = ""
        for d in lines:
            check = r.choice(["", " any", " listed # ok: no-recipients", " asked"])
            text += d + check + "\n"
            self.hosted.append(d)
            if "listed" in check and d[0] not in ".[":
                self.listed.append(d)
        self.texts["domains"] = text

    def mailboxes(self):
        r = self.r
        keys = {"%s@%s" % (r.choice(LOCALS), d) for d in self.listed for _ in range(2)}
        self.texts["recipients"] = "".join("%s\n" % k for k in sorted(keys))
        self.texts["aliases"] = "".join("sales%d@%s someone@elsewhere.example\n" % (i, d)
                                        for i, d in enumerate(self.listed) if r.random() < .5)

    def clients(self, plain, size):
        r = self.r
        lines = ['%s:allow,RELAYCLIENT=""' % a for a in r.sample(TRUSTED, r.randint(0, 5))]
        lines += r.sample([
            '192.0.2.200:allow,RELAYPROXY=""', "10.77.0.1:deny", "198.51.100.0/25:deny", "203.0.113.4-6:deny",
            '=gateway.partner.example:allow,RELAYCLIENT=""', '=.inner.partner.example:allow,RELAYCLIENT=""',
            'root@192.0.2.201:allow,RELAYCLIENT=""', "=.bad.example:deny", "2001:db8:dead::/48:deny",
            '192.0.2.202:allow,DATABYTES="1000"', '10.200.0.0/16:allow'], r.randint(0, 4))
        verbs = ["deny", "allow", 'allow,RELAYCLIENT=""']
        lines += ["100.%d.%d.0/24:%s" % (64 + i // 256 % 64, i % 256, r.choice(verbs)) for i in range(size)]
        r.shuffle(lines)
        last = [":allow", ":deny", "# nobody else", '0.0.0.0/0:allow\n::/0:allow\n:allow,RELAYCLIENT=""']
        lines.append(":allow" if plain else r.choice(last))
        self.texts["clients"] = "\n".join(lines) + "\n"

    def relay(self, plain, size):
        r = self.r
        lines = {"grant login": 0, "grant clients": 0, "grant pop 300": 0} if r.random() < .8 else {"grant clients": 0}
        for _ in range(r.randint(0, 3)):
            to = r.choice(["", ".", "someone@"]) + self.name()
            lines["grant to " + to] = 0
            self.granted.append(to)
        for i in range(size):
            lines["grant to p%d.example.org" % i] = 0
            self.granted.append("p%d.example.org" % i)
        pool = ["grant to-host 192.0.2.0/24", "grant to-host 2001:db8:5::/48", "local remote.example",
                "local boss@abroad.example",
                "grant device 192.0.2.9 from printer@alpha.com to hosted", "grant device 192.0.2.8/31 from any to any",
                "grant device 192.0.2.0/24 from @alpha.com to .com", "grant device 2001:db8:9::/48 from hosted to any",
                "grant device 0.0.0.0/0 from any to hosted", "grant device 100.64.0.0/10 from hosted to any",
                "deny to competitor.example", "deny to .bad.example"]
        lines.update(dict.fromkeys(r.sample(pool, r.randint(0, 5)), 0))
        if not plain:
            needs = ["require tls", "require sender hosted", "require login", "deny to .com"]
            lines.update(dict.fromkeys(r.sample(needs, r.choice([0, 0, 1, 2])), 0))
            if "require login" in lines and r.random() < .7:
                lines["grant anyone open-relay"] = 0
        lines = list(lines)
        r.shuffle(lines)
        self.texts["relay"] = "\n".join(lines) + "\n"

    def reachable(self, local, domain):
        """May a stranger send there? By the texts alone."""
        domain = domain.lower().rstrip(".")
        for key in self.hosted + self.granted:
            if key == "%s@%s" % (local, domain) or key.lower() == domain or (key[0] == "." and domain.endswith(key)):
                return True
        return False

    def near(self):
        """Domains that look like those of the rules, and others."""
        r = self.r
        keys = [k.split("@")[-1].lstrip(".") for k in self.hosted + self.granted][:40]
        out = []
        for k in keys:
            out += [k, "x" + k, "sub." + k, k.split(".", 1)[-1], k + ".example.org", k.upper(), k + "."]
        out += ["victim.example", "gmail.com", "hosted", "any", "[203.0.113.5]", "[IPv6:2001:db8::5]", "localhost",
                "relay.example", "[192.0.2.77]", "remote.example", "abroad.example", "com", "printer.alpha.com"]
        out = [d for d in out if d and d.strip(".") and not d.startswith("x[") and "[." not in d and "]." not in d]
        return r.sample(out, min(len(out), 30))

    def attacks(self, n):
        """(MAIL, RCPT, may it be accepted) n times."""
        r, out, near = self.r, [], self.near()
        senders = ["", "boss@abroad.example", "a@remote.example", "printer@alpha.com", "root@relay.example"]
        senders += ["%s@%s" % (r.choice(LOCALS), k.lstrip(".").split("@")[-1]) for k in self.hosted + self.granted
                    if k[0] != "["][:20]
        route = next((k for k in self.hosted if k[0] not in "[."), "a.example")
        forms = [("%s@%s", 1)] * 4 + [('"%s"@%s', 1), ("@" + route + ":%s@%s", 1), ("%s%%victim.example@%s", 0),
                                      ("victim.example!%s@%s", 0), ('"%s@victim.example"@%s', 0),
                                      ("%s@victim.example@%s", 0), ("%s@%s,", 0), (" %s@%s", 0), ("%s@%s:25", 0)]
        for _ in range(n):
            domain, local = r.choice(near), r.choice(LOCALS + ["boss", "someone"])
            form, plain = r.choice(forms)
            out.append((r.choice(senders), form % (local, domain), plain and self.reachable(local, domain)))
        return out
