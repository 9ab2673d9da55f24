# make            everything, below build/
# make check      unit tests; make e2e: the tests with real servers; make fuzz: the fuzzers, seconds each
# make install    [DESTDIR=...] [PREFIX=/usr/local]
# make bench      side by side with Postfix
#
# CHAIN=musl or CHAIN=system overrides conf-cc's choice for the per-connection programs;
# B=DIR builds elsewhere; SAN='-fsanitize=...' builds with sanitizers (CHAIN=system).
# What is built from what stands in package/modules.

B = build
MUSL = build/musl
PREFIX = /usr/local
FUZZ_SECONDS = 10

conf = $(shell sed -n 's/^$(1): *//p' $(2))
CHAIN_WISH := $(call conf,chain,conf-cc)
CHAIN := $(if $(filter auto,$(CHAIN_WISH)),$(if $(wildcard $(MUSL)/lib/libskarnet.a),musl,system),$(CHAIN_WISH))

PATHS = -DSPOOL_DIR='"$(shell head -n 1 conf-spool)"' -DCONTROL_DIR='"$(shell head -n 1 conf-control)"' \
  -DBIN_DIR='"$(PREFIX)/bin"'
CC_system := $(call conf,system,conf-cc) $(SAN)
LD_system := $(call conf,system,conf-ld) $(SAN)
LIBS_system = -lskarnet
SKARNET_system = libskarnet.a
OWFAT_system = $(shell $(firstword $(CC_system)) -print-file-name=libowfat.a)
ifeq ($(CHAIN),musl)
CC_chain := $(call conf,chain-musl,conf-cc) -isystem $(MUSL)/include
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

# Objects, once for each kind. A changed compiler line remakes them.
$(B)/%/cc: FORCE
	@mkdir -p $(@D)
	@echo '$(CC_$*) $(LD_$*)' | cmp -s - $@ || echo '$(CC_$*) $(LD_$*)' > $@
define kind
$(B)/$(1)/%.o: %.c $(B)/$(1)/cc
	@mkdir -p $$(@D)
	$$(CC_$(1)) $$(PATHS) -Ilib -MMD -MP -c -o $$@ $$<
endef
$(foreach k,chain system,$(eval $(call kind,$(k))))

# A room's archive holds one object per source. codec's is sealed: linked with what it needs of
# libowfat into one object whose only visible names are ours (lib/codec/exports), since libowfat
# and skalibs share 64 names.
objects = $(patsubst %.c,$(B)/$(1)/%.o,$(wildcard lib/$(2)/*.c))
define archive
$(B)/$(1)/lib$(2).a: $(call objects,$(1),$(2))
	@rm -f $$@
	$(AR) rcs $$@ $$^
endef
define sealed
$(B)/$(1)/libcodec.a: $(call objects,$(1),codec) lib/codec/exports
	@rm -f $$@
	ld -r -o $$(@D)/codec.o $$(filter %.o,$$^) $$(OWFAT_$(1))
	objcopy --keep-global-symbols=lib/codec/exports $$(@D)/codec.o
	$(AR) rcs $$@ $$(@D)/codec.o
endef
$(foreach k,chain system,$(foreach r,$(filter-out codec,$(ROOMS)),$(eval $(call archive,$(k),$(r)))))
$(foreach k,chain system,$(eval $(call sealed,$(k))))
$(PROGS:%=$(B)/bin/%): | $(B)/bin
$(B)/bin:
	@mkdir -p $@

units: $(UNITS:%=$(B)/unit/%)
fuzzes: $(FUZZES:%=$(B)/fuzz/%)

check: progs units
	sh package/run-units $(B) $(UNITS)
	sh package/check-docs

e2e: progs
	POSTHOUSE_BIN=$(abspath $(B)/bin) /usr/bin/python3 -m pytest -q tests/e2e $(PYTEST)

fuzz: fuzzes
	sh package/run-fuzzers $(B) $(FUZZ_SECONDS) $(FUZZES)

bench: progs
	POSTHOUSE_BIN=$(abspath $(B)/bin) /usr/bin/python3 tests/bench/bench.py

install: progs
	sh package/install '$(B)' '$(DESTDIR)' '$(PREFIX)' $(PROGS)

clean:
	rm -rf $(filter-out $(MUSL),$(wildcard $(B)/*))

FORCE:
.PHONY: all progs units fuzzes check e2e fuzz bench install clean FORCE
.SECONDARY:
-include $(shell find $(B)/chain $(B)/system -name '*.d' 2>/dev/null)
