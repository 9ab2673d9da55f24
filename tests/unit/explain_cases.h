/* What the site of test_explain.c makes of a client and a recipient: facts; verdict, reason, reply; how each line
 * stands;
 * the changes proposed. */
#ifndef TESTS_EXPLAIN_CASES_H
#define TESTS_EXPLAIN_CASES_H

static struct { char const *argv[8], *verdict, *word, *reply, *lines, *changes; } const cases[] = {
  { { "--client=10.1.2.3", "--tls", "--to=a@away.example", "--mx=none" }, "refused", "relaying-denied",
    "550 5.7.1 relaying denied; if you have an account here, log in first, on port 587",
    "clients:1 holds, clients:2 lost, clients:7 lost, relay:1 fails, relay:2 fails, relay:9 holds",
    "add relay: grant to a@away.example | add clients: 10.1.2.3:allow,RELAYCLIENT=\"\" | add relay: grant to "
    "away.example | add domains: away.example" },
  { { "--client=10.1.2.3", "--to=a@away.example", "--mx=none" }, "refused", "no-tls",
    "550 5.7.1 relaying denied without TLS",
    "relay:9 decides, clients:1 holds, clients:2 lost, clients:7 lost",
    "add domains: away.example | add relay: grant to a@away.example; remove relay:9: require tls | add clients: "
    "10.1.2.3:allow,RELAYCLIENT=\"\"; remove relay:9: require tls | add relay: grant to away.example; remove "
    "relay:9: require tls" },
  { { "--client=172.16.0.1", "--tls", "--to=a@away.example" }, "accepted", "client",
    "250 2.1.5 recipient ok",
    "relay:2 decides, clients:3 holds, clients:7 lost, relay:1 fails, relay:9 holds",
    "add relay: deny to a@away.example | add relay: deny to away.example | replace clients:3: "
    "172.16.0.1:allow,RELAYCLIENT=\"\",A=\"b\" by 172.16.0.1:deny | add relay: require login" },
  { { "--client=172.16.0.1", "--tls", "--to=x@partner.net", "--login=ann" }, "accepted", "login",
    "250 2.1.5 recipient ok",
    "relay:1 decides, clients:3 holds, clients:7 lost, relay:2 lost, relay:3 lost, relay:9 holds, relay:11 lost",
    "add relay: deny to x@partner.net | add relay: deny to partner.net | replace clients:3: "
    "172.16.0.1:allow,RELAYCLIENT=\"\",A=\"b\" by 172.16.0.1:deny" },
  { { "--client=192.0.2.1", "--tls", "--to=x@partner.net" }, "accepted", "to",
    "250 2.1.5 recipient ok",
    "relay:3 decides, clients:5 holds, clients:7 lost, relay:1 fails, relay:2 fails, relay:9 holds, relay:11 "
    "lost",
    "add relay: deny to x@partner.net | add relay: deny to partner.net | add clients: 192.0.2.1:deny | add "
    "relay: require login" },
  { { "--client=172.16.0.2", "--tls", "--to=a@hosted.example" }, "accepted", "client",
    "250 2.1.5 recipient ok",
    "relay:2 decides, clients:6 holds, clients:7 lost, relay:1 fails, relay:9 holds",
    "add relay: deny to a@hosted.example.inner | replace domains:1: hosted.example any by hosted.example listed "
    "| add relay: deny to hosted.example.inner | replace clients:6: 172.16.0.2:allow,RELAYCLIENT=\".inner\" by "
    "172.16.0.2:deny | add relay: require login" },
  { { "--client=172.16.0.2", "--tls", "--to=a@bad.example" }, "refused", "denied",
    "550 5.7.1 no mail goes to this address from here",
    "relay:5 decides, clients:6 holds, clients:7 lost, relay:2 lost",
    "remove relay:5: deny to bad.example" },
  { { "--client=192.0.2.66", "--to=a@hosted.example" }, "refused", "client-denied",
    "554 5.7.1 No SMTP service for your address here",
    "clients:4 decides, clients:5 lost, clients:7 lost",
    "replace clients:4: 192.0.2.66:deny by 192.0.2.66:allow" },
  { { "--client=192.0.2.9", "--from=a@hosted.example", "--to=b@away.example", "--tls" }, "accepted", "device",
    "250 2.1.5 recipient ok",
    "relay:7 decides, clients:5 holds, clients:7 lost, domains:1 holds, relay:1 fails, relay:2 fails, relay:9 "
    "holds",
    "add relay: deny to b@away.example | add relay: deny to away.example | add clients: 192.0.2.9:deny | add "
    "relay: require login" },
  { { "--client=192.0.2.9", "--from=a@else.example", "--to=b@away.example", "--tls", "--mx=none" }, "refused",
    "relaying-denied",
    "550 5.7.1 relaying denied; if you have an account here, log in first, on port 587",
    "clients:5 holds, clients:7 lost, relay:1 fails, relay:2 fails, relay:7 fails, relay:9 holds",
    "add relay: grant device 192.0.2.9 from a@else.example to b@away.example | add relay: grant to "
    "b@away.example | add clients: 192.0.2.9:allow,RELAYCLIENT=\"\" | add relay: grant to away.example | add "
    "domains: away.example" },
  { { "--client=192.0.2.9", "--from=a@hosted.example", "--to=b@else.example", "--tls", "--mx=none" }, "refused",
    "relaying-denied",
    "550 5.7.1 relaying denied; if you have an account here, log in first, on port 587",
    "clients:5 holds, clients:7 lost, domains:1 holds, relay:1 fails, relay:2 fails, relay:7 fails, relay:9 "
    "holds",
    "add relay: grant device 192.0.2.9 from a@hosted.example to b@else.example | add relay: grant to "
    "b@else.example | add clients: 192.0.2.9:allow,RELAYCLIENT=\"\" | add relay: grant to else.example | add "
    "domains: else.example" },
  { { "--to=joe@x.hosted.example" }, "accepted", "listed",
    "250 2.1.5 recipient ok",
    "recipients:1 decides, clients:7 holds, domains:2 holds, relay:9 lost",
    "remove recipients:1: joe@x.hosted.example" },
  { { "--to=ann@x.hosted.example" }, "refused", "no-such-recipient",
    "550 5.1.1 no such recipient here",
    "domains:2 decides, clients:7 holds, relay:9 lost",
    "add recipients: ann@x.hosted.example | replace domains:2: .hosted.example listed by .hosted.example any | "
    "add domains: x.hosted.example" },
  { { "--to=ann@y.z.hosted.example" }, "accepted", "listed",
    "250 2.1.5 recipient ok",
    "recipients:2 decides, clients:7 holds, domains:2 holds, relay:9 lost",
    "remove recipients:2: @.z.hosted.example | add relay: deny to ann@y.z.hosted.example | add relay: deny to "
    "y.z.hosted.example" },
  { { "--to=all@hosted.example" }, "accepted", "alias",
    "250 2.1.5 recipient ok",
    "aliases:1 decides, clients:7 holds, domains:1 holds, relay:9 lost",
    "add relay: deny to all@hosted.example | add relay: deny to hosted.example" },
  { { "--to=ann@asked.example" }, "undecided", "ask",
    "",
    "domains:3 decides, clients:7 holds, relay:9 lost",
    "none" },
  { { "--to=ann@asked.example", "--mailbox=yes" }, "accepted", "confirmed",
    "250 2.1.5 recipient ok",
    "domains:3 decides, clients:7 holds, relay:9 lost",
    "add relay: deny to ann@asked.example | replace domains:3: asked.example asked by asked.example listed | add "
    "relay: deny to asked.example" },
  { { "--to=ann@asked.example", "--mailbox=no" }, "refused", "no-such-recipient",
    "550 5.1.1 no such recipient here",
    "domains:3 decides, clients:7 holds, relay:9 lost",
    "add recipients: ann@asked.example | replace domains:3: asked.example asked by asked.example any" },
  { { "--to=ann@asked.example", "--mailbox=unknown" }, "deferred", "recipient-unconfirmed",
    "451 4.4.1 the recipient cannot be confirmed now, try again later",
    "domains:3 decides, clients:7 holds, relay:9 lost",
    "add recipients: ann@asked.example | replace domains:3: asked.example asked by asked.example any" },
  { { "--to=a@x.bad.example" }, "refused", "denied",
    "550 5.7.1 no mail goes to this address from here",
    "relay:6 decides, clients:7 holds, relay:9 lost",
    "add domains: x.bad.example; remove relay:6: deny to .bad.example | add relay: grant to a@x.bad.example; "
    "remove relay:6: deny to .bad.example; remove relay:9: require tls | add relay: grant to x.bad.example; "
    "remove relay:6: deny to .bad.example; remove relay:9: require tls" },
  { { "--to=a%b@hosted.example" }, "refused", "onward-routing",
    "553 5.1.3 no routing within the local part",
    "clients:7 holds, domains:1 lost, relay:9 lost",
    "" },
  { { "--to=a@hosted.example", "--listener=submission" }, "refused", "login-first",
    "530 5.7.0 log in first",
    "clients:7 holds, domains:1 lost, relay:9 lost",
    "" },
  { { "--to=postmaster" }, "accepted", "hosted",
    "250 2.1.5 recipient ok",
    "me:1 decides, clients:7 holds, relay:9 lost",
    "" },
  { { "--to=a@away.example", "--tls" }, "undecided", "ask",
    "",
    "clients:7 holds, relay:1 fails, relay:2 fails, relay:9 holds",
    "none" },
  { { "--to=a@away.example", "--tls", "--mx=198.51.100.1" }, "accepted", "to-host",
    "250 2.1.5 recipient ok",
    "relay:8 decides, clients:7 holds, relay:1 fails, relay:2 fails, relay:9 holds",
    "add relay: deny to a@away.example | remove relay:8: grant to-host 198.51.100.0/24 | add relay: deny to "
    "away.example | add relay: require login" },
  { { "--to=a@away.example", "--tls", "--mx=198.51.100.1,192.0.2.1" }, "refused", "relaying-denied",
    "550 5.7.1 relaying denied; if you have an account here, log in first, on port 587",
    "clients:7 holds, relay:1 fails, relay:2 fails, relay:8 fails, relay:9 holds",
    "add relay: grant to a@away.example | add relay: grant to-host 192.0.2.1 | add relay: grant to away.example "
    "| add domains: away.example" },
  { { "--to=a@away.example", "--tls", "--mx=unknown" }, "deferred", "mx-unknown",
    "451 4.4.3 the recipient's domain cannot be looked up now, try again later",
    "clients:7 holds, relay:1 fails, relay:2 fails, relay:9 holds",
    "add relay: grant to a@away.example | add relay: grant to away.example | add domains: away.example" },
  { { "--to=a@[192.0.2.1]", "--tls", "--login=ann", "--norelay" }, "refused", "no-privilege",
    "550 5.7.1 relaying denied: your account may not send beyond this server",
    "clients:7 holds, relay:1 fails, relay:2 fails, relay:9 holds",
    "add relay: grant to a@[192.0.2.1] | add relay: grant to [192.0.2.1] | add domains: [192.0.2.1]" },
  { { "--to=a@[192.0.2.1]", "--tls" }, "refused", "address-literal",
    "550 5.7.1 no mail to address literals",
    "clients:7 holds, relay:1 fails, relay:2 fails, relay:9 holds",
    "add relay: grant to a@[192.0.2.1] | add relay: grant to [192.0.2.1] | add domains: [192.0.2.1]" },
  { { "--to=x" }, "refused", "recipient-syntax",
    "501 5.1.3 recipient address: syntax error",
    "clients:7 holds",
    "none" },
  { { "--from=x", "--to=a@hosted.example" }, "refused", "sender-syntax",
    "501 5.1.7 sender address: syntax error",
    "clients:7 holds",
    "none" },
  { { "--client=10.1.2.3", "--relayclient=@", "--to=a@hosted.example" }, "deferred", "appended",
    "451 4.3.5 no address comes of what is appended for you here, try again later",
    "clients:1 holds, clients:2 lost, clients:7 lost",
    "add clients: 10.1.2.3:allow,RELAYCLIENT=\"\"" },
  { { "--client=10.1.2.3", "--relayclient", "--tls", "--to=a@away.example" }, "accepted", "client",
    "250 2.1.5 recipient ok",
    "relay:2 decides, clients:1 holds, clients:2 lost, clients:7 lost, relay:1 fails, relay:9 holds",
    "add relay: deny to a@away.example | add relay: deny to away.example | add clients: 10.1.2.3:deny | add "
    "relay: require login" },
};

#endif
