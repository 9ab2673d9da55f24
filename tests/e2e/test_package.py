"""The build's own checks must be able to fail: package/symbols, check-docs, run-units, run-fuzzers, deps, install."""
import grp
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile

import pytest

from lib.procs import BIN, ROOT


def sh(*words, cwd=ROOT, env=None):
    r = subprocess.run(["sh", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       cwd=cwd, timeout=120, env={**os.environ, **(env or {})})
    return r.returncode, r.stdout.decode()


def archive(folder, name, source):
    """An archive of one object; a name that ends in .o: the object."""
    c = os.path.join(folder, name + ".c")
    with open(c, "w") as f:
        f.write(source)
    o = c[:-2] + ".o"
    subprocess.run(["gcc", "-c", "-o", o, c], check=True)
    if name.endswith(".o"):
        return o
    subprocess.run(["ar", "rcs", os.path.join(folder, name), o], check=True)
    return os.path.join(folder, name)


@pytest.mark.parametrize("first,second,twice", [
    ("int one(void) { return 1; }", "int two(void) { return 2; }", ""),
    ("int one(void) { return 1; }", "int one(void) { return 2; }", "one"),
    ("int one(void) { return 1; } int x = 1;", "int two(void) { return 2; } int x = 2;", "x"),
    ("int common[3];", "int common[3];", "common"),
    ("static int one(void) { return 1; } int a(void) { return one(); }", "int one(void) { return 2; }", ""),
    ("__attribute__((weak)) int one(void) { return 1; }", "int one(void) { return 2; }", ""),
    ("int one(void); int a(void) { return one(); }", "int one(void) { return 2; }", ""),
])
def test_symbols(tmp_path, first, second, twice):
    """A name from two archives, or from the program and an archive, fails the build."""
    a, b, o = archive(tmp_path, "a", first), archive(tmp_path, "b", second), archive(tmp_path, "p.o", second)
    for other in (b, o):
        stamp = str(tmp_path / "symbols" / "prog")
        code, said = sh("package/symbols", stamp, a, other)
        assert (code != 0) == bool(twice), said
        assert os.path.exists(stamp) == (not twice)
        if twice:
            assert "prog finds these names twice: %s\n" % twice in said
        else:
            os.unlink(stamp)


def test_symbols_of_the_base_library(tmp_path):
    """One that a room would take over from skalibs, found where the compiler finds the library."""
    a = archive(tmp_path, "a", "int stralloc_catb(void) { return 0; }")
    code, said = sh("package/symbols", str(tmp_path / "s"), "libskarnet.a", a)
    assert code != 0 and "stralloc_catb" in said


def test_symbols_needs_its_archives(tmp_path):
    a = archive(tmp_path, "a", "int one;")
    for missing in (str(tmp_path / "nothing"), "libno-such-library.a"):
        code, said = sh("package/symbols", str(tmp_path / "s"), a, missing)
        assert code != 0 and not (tmp_path / "s").exists(), said


def test_the_make_rules_use_it():
    """Every program's link is followed by the check, with all that it links."""
    with open(os.path.join(ROOT, "package", "modules")) as f:
        r = subprocess.run(["sh", "package/mkrules"], stdin=f, stdout=subprocess.PIPE, cwd=ROOT, check=True)
    rules = r.stdout.decode()
    programs = re.findall(r"^PROGS \+= (\S+)$", rules, re.M)
    assert programs
    for name in programs:
        linked = re.search(r"^\$\(B\)/bin/%s: (.*)$" % name, rules, re.M).group(1).split()
        checked = re.search(r"^\tsh package/symbols (.*/%s\.o.*)$" % name, rules, re.M).group(1).split()
        assert set(linked) <= set(checked), name
        assert any("SKARNET" in w for w in checked), name


@pytest.mark.parametrize("text,why", [
    ("room a :\nroom b : c\n", "package/modules:2: room b uses c, which is not above it"),
    ("room a :\nprog p chain : x\n", "package/modules:2: no room x"),
    ("prog p other :\n", "package/modules:1: not understood"),
    ("what\n", "package/modules:1: not understood"),
])
def test_mkrules_complains(text, why):
    r = subprocess.run(["sh", "package/mkrules"], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       cwd=ROOT)
    assert r.returncode != 0 and why in r.stderr.decode()


def program(folder, name, text):
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_run_units(tmp_path):
    program(tmp_path, "good", "#!/bin/sh\necho '[  PASSED  ] 3 test(s).' >&2\n")
    program(tmp_path, "bad", "#!/bin/sh\necho what went wrong\nexit 1\n")
    program(tmp_path, "crash", "#!/bin/sh\nkill -SEGV $$\n")
    code, said = sh("package/run-units", str(tmp_path), "good")
    assert code == 0 and "ok      good 3 test(s)." in said
    for units in (["bad"], ["crash"], ["good", "bad"], ["bad", "good"], ["missing"], []):
        code, said = sh("package/run-units", str(tmp_path), *units)
        assert code == 1, (units, said)
        assert ("what went wrong" in said) == ("bad" in units)
        assert ("ok      good" in said) == ("good" in units)


def test_run_fuzzers(tmp_path):
    (tmp_path / "log").write_text("")
    program(tmp_path, "good", "#!/bin/sh\necho \"$@\" > %s/log\n" % tmp_path)
    program(tmp_path, "bad", "#!/bin/sh\necho the report\nexit 77\n")
    assert sh("package/run-fuzzers", str(tmp_path), "3", "good")[0] == 0
    assert "-max_total_time=3 " in (tmp_path / "log").read_text()
    for fuzzers in (["bad"], ["good", "bad"], ["missing"], []):
        code, said = sh("package/run-fuzzers", str(tmp_path), "1", *fuzzers)
        assert code == 1 and ("the report" in said) == ("bad" in fuzzers)


@pytest.fixture
def tree(tmp_path):
    """A copy of the sources, to be spoilt."""
    copy = tmp_path / "tree"
    copy.mkdir()
    for name in ("bin-src", "lib", "man", "package"):
        shutil.copytree(os.path.join(ROOT, name), copy / name)
    for name in ("conf-control", "conf-spool"):
        shutil.copy(os.path.join(ROOT, name), copy)
    return copy


SPOILS = [
    ("man/relay-conf.8", ".It Fl -port", ".It Fl -prt", ["nothing about the option --port", "no option --prt"]),
    ("man/relay-queue.8", ".Sh NAME", ".Sh NAMES", ["relay-queue.8"]),
    ("man/relay-queue.8", "RELAYQUEUE", "RELAYKEW",
     ["nothing about the variable RELAYQUEUE", "no program knows the variable RELAYKEW"]),
    ("man/relay-mkcdb.8", ".It Fl n", ".It Fl x", ["nothing about the option -n", "the program has no option -x"]),
    ("man/posthouse-control.5", "52428800", "52428801", ["the limit size with its default 52428800 is not described"]),
    ("man/relay-mkcdb.8", "rules.cdb", "rule.cdb", ["no source names"]),
    ("lib/base/limits.h", '"hops", ', '"leaps", ', ["no page describes the limit leaps"]),
    ("lib/rules/warnings.h", '"by-name"', '"by-nose"', ["nothing about the warning by-nose",
                                                        "there is no warning and no limit by-name"]),
    ("lib/table/table.h", '"routes")', '"roads")', ["nothing about the file roads"]),
    ("bin-src/relay-queue.c", 'getenv("RELAYQUEUE")', 'getenv("RELAYNEWS")', ["nothing about the variable RELAYNEWS",
                                                                          "no page has the variable RELAYNEWS"]),
    ("conf-control", "/etc/posthouse", "/etc/otherhouse", ["/etc/posthouse is not what conf-control"]),
    ("man/relay-gate.8", None, None, ["relay-gate: no page man/relay-gate.8", "there is no page relay-gate.8"]),
]


@pytest.mark.once
@pytest.mark.parametrize("path,old,new,complaints", SPOILS, ids=["%s-%d" % (s[0], i) for i, s in enumerate(SPOILS)])
def test_check_docs(tree, path, old, new, complaints):
    code, said = sh("package/check-docs", cwd=tree)
    assert code == 0, said
    if old is None:
        os.unlink(tree / path)
    else:
        text = (tree / path).read_text()
        assert old in text
        (tree / path).write_text(text.replace(old, new))
    code, said = sh("package/check-docs", cwd=tree)
    assert code == 1
    for c in complaints:
        assert c in said, said


def test_deps_lists():
    code, said = sh("package/deps", "list", "test")
    assert re.search(r"^ok +skalibs-dev +\S", said, re.M) and re.search(r"^(ok|missing) +postfix +\S", said, re.M)
    assert code == (1 if re.search("^missing ", said, re.M) else 0)
    assert "postfix" not in sh("package/deps")[1]
    assert sh("package/deps", "instal")[0] == 100


@pytest.fixture
def bare(tmp_path):
    """A PATH of a system without apt, dpkg and musl."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "sed", "awk", "dirname", "basename", "grep", "tr", "cat", "cc", "id", "make", "ls", "env"):
        os.symlink(shutil.which(name), folder / name)
    return folder


def test_deps_elsewhere(bare, tmp_path):
    """Without apt-get: what is missing is found by commands and headers, and named; the musl libraries are done
    without."""
    copy = tmp_path / "package"
    copy.mkdir()
    for name in ("deps", "deps-build", "deps-run", "deps-test"):
        text = open(os.path.join(ROOT, "package", name)).read()
        (copy / name).write_text(text.replace(":/usr/local/sbin:/usr/sbin:/sbin", ""))
    with open(copy / "deps-build", "a") as f:
        f.write("libnone-dev <no/such/header.h> # nothing\n")
    code, said = sh(str(copy / "deps"), env={"PATH": str(bare)})
    assert code == 1, said
    assert re.search("^ok +make ", said, re.M) and re.search("^ok +skalibs-dev ", said, re.M)
    assert re.search("^missing +musl-tools ", said, re.M) and re.search("^missing +libnone-dev ", said, re.M)
    code, said = sh(str(copy / "deps"), "install", env={"PATH": str(bare)})
    assert code == 111 and "no apt-get here; please install:" in said and "libnone-dev" in said
    code, said = sh(str(copy / "deps"), "musl", env={"PATH": str(bare)})
    assert code == 0 and said == "package/deps: no musl-gcc: the programs will use the system C library\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_deps_needs_root():
    with tempfile.TemporaryDirectory() as folder:   # open to others, unlike tmp_path
        package = os.path.join(folder, "package")
        os.mkdir(package)
        os.chmod(folder, 0o755)
        for name in ("deps", "deps-build", "deps-run", "deps-test"):
            shutil.copy(os.path.join(ROOT, "package", name), package)
        with open(os.path.join(package, "deps-build"), "a") as f:
            f.write("no-such-package no-such-command # nothing\n")
        r = subprocess.run(["sh", package + "/deps", "install"], user="nobody", stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, cwd="/")
    said = r.stdout.decode()
    assert r.returncode == 111 and "installing needs root: sudo sh package/deps install" in said, said
    assert "no-such-package" in said, said


def test_install(tmp_path):
    """DESTDIR and PREFIX are honoured, a file is replaced by a rename, man pages go along."""
    build, dest = os.path.dirname(BIN), tmp_path / "dest"
    words = ["package/install", build, str(dest), "/opt/x", "--", "relay-conf", "relay-queue"]
    assert sh(*words) == (0, "")
    assert sorted(os.listdir(dest / "opt/x/bin")) == ["relay-conf", "relay-queue"]
    assert (dest / "opt/x/share/man/man8/relay-conf.8").exists()
    assert stat.S_IMODE(os.stat(dest / "opt/x/bin/relay-conf").st_mode) == 0o755
    with open(dest / "opt/x/bin/relay-queue", "rb") as old:
        assert sh(*words) == (0, "")
        assert os.fstat(old.fileno()).st_nlink == 0
    code, said = sh("package/install", build, str(dest), "/opt/x", "--", "relay-none")
    assert code == 1 and "can't install" in said
    assert not [n for n in os.listdir(dest / "opt/x/bin") if n.startswith(".")]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_install_set_uid(tmp_path):
    code, said = sh("package/install", os.path.dirname(BIN), str(tmp_path), "", "mail", "--", "relay-queue",
                    "relay-conf")
    assert code == 0, said
    st = os.stat(tmp_path / "bin/relay-queue")
    assert st.st_uid == pwd.getpwnam("mail").pw_uid and stat.S_IMODE(st.st_mode) == 0o4711
    assert stat.S_IMODE(os.stat(tmp_path / "bin/relay-conf").st_mode) == 0o755
    code, said = sh("package/install", os.path.dirname(BIN), str(tmp_path), "", "--", "relay-queue")  # an upgrade
    assert code == 0, said
    again = os.stat(tmp_path / "bin/relay-queue")
    assert again.st_ino != st.st_ino and again.st_uid == st.st_uid and stat.S_IMODE(again.st_mode) == 0o4711


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("name,before", [("relay-auth", [""]), ("relay-pop-stamp", ["", ""])])
def test_install_set_gid(tmp_path, name, before):
    """Once set-gid, it stays it; it becomes so by hand or at once, and no other does."""
    words = ["package/install", os.path.dirname(BIN), str(tmp_path), "", "--", name]
    assert sh(*words) == (0, "")
    path = tmp_path / "bin" / name
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o755
    os.chown(path, 0, 12345)
    os.chmod(path, 0o2711)
    assert sh(*words) == (0, "")
    st = os.stat(path)
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (0, 12345, 0o2711)
    others = [n for n in ("relay-auth", "relay-pop-stamp", "relay-queue") if n != name]
    assert sh(*words[:-2], *before, "mail", "--", name, *others) == (0, "")
    st = os.stat(path)
    assert (st.st_gid, stat.S_IMODE(st.st_mode)) == (grp.getgrnam("mail").gr_gid, 0o2711)
    assert {stat.S_IMODE(os.stat(tmp_path / "bin" / n).st_mode) for n in others} == {0o755}
