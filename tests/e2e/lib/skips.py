"""pytest's option --skips FILE: a test that was skipped for a reason that FILE does not know has failed. A reason is
known when one of FILE's lines, regular expressions, matches its beginning; `#` begins a comment."""
import re

OPTION = "--skips"


def pytest_addoption(parser):
    parser.addoption(OPTION, metavar="FILE", help="reasons for which a test may be skipped; any other fails")


def known(path):
    with open(path) as f:
        lines = [line.strip() for line in f if not line.startswith("#")]
    return [re.compile(line) for line in lines if line]


def unknown(config):
    """The reports of tests that should not have been skipped; where several processes run tests, in the first."""
    path, reporter = config.getoption(OPTION), config.pluginmanager.get_plugin("terminalreporter")
    if not path or not reporter:
        return []
    reasons = known(path)
    return [r for r in reporter.stats.get("skipped", []) if not any(k.match(reason(r)) for k in reasons)]


def reason(report):
    return report.longrepr[2].removeprefix("Skipped: ")


def pytest_sessionfinish(session):
    if session.exitstatus == 0 and unknown(session.config):
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter, config):
    for r in unknown(config):
        terminalreporter.write_line("NOT TESTED %s: %s is no reason in %s" % (
            r.nodeid, reason(r), config.getoption(OPTION)), red=True)
