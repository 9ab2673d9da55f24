/* A message file of format 1, as relay-queue wrote it before parameters of RFC 3461 were kept. */
#ifndef TESTS_QUEUE_OLD_H
#define TESTS_QUEUE_OLD_H

#define QUEUE_OLD_ID "0660dfa4ad0c270049de09"

static char const queue_old[] =
  "Received: from old\n"
  "Subject: kept since before\n"
  "\n"
  "Text.\n"
  "Falice@example.com\0"
  "Tbob@example.org\0"
  "Tcarol@example.net\0"
  "posthouse-message-1 00000000000000000053 00000000000000000055 00000000001795363517 0000000000 "
  "4da791f0297ba2dd344792759785c752afa97cf4172f992e08422b7ce1d58cd5\n";

#endif
