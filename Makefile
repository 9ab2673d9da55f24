# make            everything, below build/
# make check      unit tests; make e2e: the tests with real servers; make fuzz: the fuzzers, seconds each
# make install    [DESTDIR=...] [PREFIX=/usr/local] [QUEUE_USER=name: relay-queue set-uid to that user]
#                 [AUTH_GROUP=name: relay-auth set-gid to that group]
#                 [STAMP_GROUP=name: relay-pop-stamp likewise]
# make crash-run  100,000 messages, a next hop that fails a third of the time, relay-send killed every few seconds
# make bench      side by side with Postfix; what idle TLS sessions cost; POP-before-SMTP; a million waiting messages
#
# CHAIN=musl or CHAIN=system overrides conf-cc's choice for the per-connection programs;
# B=DIR builds elsewhere; CFLAGS='...' is added to every compiler line; SAN='-fsanitize=...' to the
# compiler and linker of the system's kind (with CHAIN=system: to those of all programs).
# What is built from what stands in package/modules.

B = build
MUSL = build/musl
PREFIX = /usr/local
FUZZ_SECONDS = 10

conf = $(shell sed -n 's/^$(1): *//p' $(2))
CHAIN_WISH := $(call conf,chain,conf-cc)
MUSL_THERE := $(and $(wildcard $(MUSL)/lib/libskarnet.a),$(wildcard $(MUSL)/lib/libowfat.a))
CHAIN := $(if $(filter auto,$(CHAIN_WISH)),$(if $(MUSL_THERE),musl,system),$(CHAIN_WISH))
ifneq ($(filter-out clean,$(or $(MAKECMDGOALS),all)),)
ifeq ($(filter musl system,$(CHAIN)),)
$(error CHAIN is "$(CHAIN)": conf-cc and the command line may say musl, system or auto)
endif
ifeq ($(CHAIN)$(MUSL_THERE),musl)
$(error CHAIN=musl needs skalibs and libowfat in $(MUSL): sh package/deps musl builds them)
endif
ifeq ($(CHAIN_WISH)$(CHAIN)$(MAKE_RESTARTS) $(origin CHAIN),autosystem file)
$(info no musl libraries in $(MUSL) (sh package/deps musl builds them): the system's C library for all programs)
endif
endif

PATHS = -DSPOOL_DIR='"$(shell head -n 1 conf-spool)"' -DCONTROL_DIR='"$(shell head -n 1 conf-control)"' \
  -DBIN_DIR='"$(PREFIX)/bin"'
CC_system := $(call conf,system,conf-cc) $(CFLAGS) $(SAN)
LD_system := $(call conf,system,conf-ld) $(SAN)
CC_fuzz := $(call conf,fuzz,conf-cc) $(CFLAGS)
LD_fuzz := $(call conf,fuzz,conf-ld)
LIBS_system = -lskarnet
# hiredis has TLS from 1.0 on, in a library of its own
HIREDIS_TLS = $(shell $(firstword $(CC_system)) $(CFLAGS) -include hiredis/hiredis_ssl.h -x c -E /dev/null \
  > /dev/null 2>&1 && echo -lhiredis_ssl -lssl)
SKARNET_system = libskarnet.a
OWFAT_system := $(shell $(firstword $(CC_system)) -print-file-name=libowfat.a)
LIBS_fuzz = $(LIBS_system)
OWFAT_fuzz = $(OWFAT_system)
ifeq ($(CHAIN),musl)
CC_chain := $(call conf,chain-musl,conf-cc) $(CFLAGS) -isystem $(MUSL)/include
LD_chain := $(call conf,chain-musl,conf-ld) -L$(MUSL)/lib
LIBS_chain = -lskarnet
SKARNET_chain = $(MUSL)/lib/libskarnet.a
OWFAT_chain = $(MUSL)/lib/libowfat.a
else
CC_chain := $(CC_system)
LD_chain := $(LD_system)
LIBS_chain = $(LIBS_system)
SKARNET_chain = $(SKARNET_system)
OWFAT_chain = $(OWFAT_system)
endif

all: progs
include $(B)/rules.mk

$(B)/rules.mk: package/modules package/mkrules
	@mkdir -p $(@D)
	sh package/mkrules < package/modules > $@.new && mv $@.new $@

progs: $(PROGS:%=$(B)/bin/%) $(PROGS:%=$(B)/symbols/%)

# Objects, once for each kind. A changed compiler line, directory or linker remakes them.
quoted = '$(subst ','\'',$(1))'
$(B)/%/cc: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call quoted,$(CC_$*) $(PATHS) $(LD_$*)) | cmp -s - $@ || \
	  printf '%s\n' $(call quoted,$(CC_$*) $(PATHS) $(LD_$*)) > $@
define kind
$(B)/$(1)/%.o: %.c $(B)/$(1)/cc
	@mkdir -p $$(@D)
	$$(CC_$(1)) $$(PATHS) -Ilib -MMD -MP -c -o $$@ $$<
endef
KINDS = chain system fuzz
$(foreach k,$(KINDS),$(eval $(call kind,$(k))))

# A room's archive holds one object per source; its folder is named since a source may go. codec's is sealed: linked
# with what it needs of libowfat into one object whose only visible names are ours (lib/codec/exports), since libowfat
# and skalibs share 64 names.
objects = $(patsubst %.c,$(B)/$(1)/%.o,$(wildcard lib/$(2)/*.c))
define archive
$(B)/$(1)/lib$(2).a: $(call objects,$(1),$(2)) lib/$(2)
	@mkdir -p $$(@D)
	@rm -f $$@
	$(AR) rcs $$@ $$(filter %.o,$$^)
endef
define sealed
$(B)/$(1)/libcodec.a: $(call objects,$(1),codec) lib/codec lib/codec/exports
	@rm -f $$@
	ld -r -o $$(@D)/codec.o $$(filter %.o,$$^) $$(OWFAT_$(1))
	objcopy --keep-global-symbols=lib/codec/exports $$(@D)/codec.o
	$(AR) rcs $$@ $$(@D)/codec.o
endef
$(foreach k,$(KINDS),$(foreach r,$(filter-out codec,$(ROOMS)),$(eval $(call archive,$(k),$(r)))))
$(foreach k,$(KINDS),$(eval $(call sealed,$(k))))
$(PROGS:%=$(B)/bin/%): | $(B)/bin
$(B)/bin:
	@mkdir -p $@

units: $(UNITS:%=$(B)/unit/%)
drivers: $(DRIVERS:%=$(B)/driver/%)
fuzzes: $(FUZZES:%=$(B)/fuzz/%)

check: progs units
	sh package/run-units $(B)/unit $(UNITS)
	sh package/check-docs

e2e: progs drivers
	POSTHOUSE_BIN=$(abspath $(B)/bin) /usr/bin/python3 -m pytest -q -rfEs tests/e2e $(PYTEST)

crash-run: progs
	POSTHOUSE_BIN=$(abspath $(B)/bin) /usr/bin/python3 tests/e2e/lib/crashrun.py $(MESSAGES)

fuzz: fuzzes
	sh package/run-fuzzers $(B)/fuzz $(FUZZ_SECONDS) $(FUZZES)

bench: progs
	POSTHOUSE_BIN=$(abspath $(B)/bin) /usr/bin/python3 tests/bench/bench.py
	POSTHOUSE_BIN=$(abspath $(B)/bin) /usr/bin/python3 tests/bench/idle_tls.py
	POSTHOUSE_BIN=$(abspath $(B)/bin) /usr/bin/python3 tests/bench/pop.py
	POSTHOUSE_BIN=$(abspath $(B)/bin) /usr/bin/python3 tests/bench/queue.py

install: progs
	sh package/install '$(B)' '$(DESTDIR)' '$(PREFIX)' '$(QUEUE_USER)' '$(AUTH_GROUP)' '$(STAMP_GROUP)' -- $(PROGS)

clean:
	rm -rf $(filter-out $(MUSL),$(wildcard $(B)/*))

FORCE:
.DELETE_ON_ERROR:
.PHONY: all progs units drivers fuzzes check e2e crash-run fuzz bench install clean FORCE
.SECONDARY:
-include $(shell find $(KINDS:%=$(B)/%) -name '*.d' 2>/dev/null)
