"""Events told to real servers: rsyslog over UDP, TCP and TLS, an SMTP server, webhooks over HTTP and HTTPS. collect makes the events from
made traffic, and notify reads them from the spool: no store is needed."""
import email
import email.policy
import http.server
import json
import signal
import ssl
import subprocess
import threading

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from conftest import free_port, wait_until

# What the made network's minute raises, with these strangers in it.
RULES = {"snmp/stranger", "dns/rogue-resolver", "overlays/rogue-vtep"}
TRAFFIC = ("--version", "10", "--exporters", "10", "--start", "2026-01-31T10:00:00Z", "--for", "1m", "--rate", "60", "--pace", "3000",
           "--seed", "3", "--scenario", "snmp-stranger,rogue-vtep,rogue-dns")


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status = self.server.answers.pop(0) if self.server.answers else 200
        if status == 200:
            self.server.posted.append((self.path, dict(self.headers), json.loads(body)))
        else:
            self.server.refused.append(status)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"so it is")

    def log_message(self, *_):
        pass


class Hooks:
    """An HTTP server; answers are the statuses of the next requests, then 200."""

    def __init__(self, port, answers=(), tls=None):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Hook)
        self.server.posted, self.server.refused, self.server.answers = [], [], list(answers)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls / "server.pem", tls / "server.key")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))

    def __enter__(self):
        self.thread.start()
        return self.server

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Mailbox:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 taken"


class System:
    """collect and notify of one folder."""

    def __init__(self, weir, folder, targets):
        self.weir, self.folder = weir, folder
        self.port = free_port()
        self.config = folder / "weir.yaml"
        subprocess.run([weir, "generate", "--exporters", "10", "--write-networks", folder / "networks.csv"], check=True, capture_output=True)
        self.write(targets)
        self.running = {}

    def write(self, targets):
        self.config.write_text(f"data_dir: {self.folder}/var\nweb: {{listen: []}}\nnetworks: {{file: {self.folder}/networks.csv}}\n"
                               f"collect: {{listen: '127.0.0.1:{self.port}', sync: 100ms, workers: 1}}\n"
                               "notify:\n  to:\n" + "".join(f"    - {target}\n" for target in targets))

    def start(self, role):
        said = {"collect": "listening", "notify": "events go to"}[role]
        path = self.folder / f"{role}.log"
        before = path.read_text().count(said) if path.exists() else 0
        with open(path, "ab") as log:
            self.running[role] = subprocess.Popen([self.weir, role, "--config", self.config], stdout=log, stderr=log)
        wait_until(f"{role} to be up", lambda: self.log(role).count(said) > before or self.running[role].poll() is not None)
        assert self.running[role].poll() is None, self.log(role)

    def end(self, role, how=signal.SIGTERM):
        process = self.running.pop(role)
        process.send_signal(how)
        return process.wait(30)

    def log(self, role):
        return (self.folder / f"{role}.log").read_text()

    def send(self):
        subprocess.run([self.weir, "generate", "--to", f"127.0.0.1:{self.port}", *TRAFFIC], check=True, capture_output=True, timeout=120)

    def metric(self, name, target):
        path = self.folder / "var/run/notify.prom"
        for line in path.read_text().splitlines() if path.exists() else []:
            if line.startswith(f'weir_notify_{name}{{target="{target}"}} '):
                return float(line.rsplit(" ", 1)[1])
        return None

    def command(self, *arguments):
        return subprocess.run([self.weir, arguments[0], "--config", self.config, *arguments[1:]], capture_output=True, text=True, timeout=60)


@pytest.fixture
def start(weir, tmp_path):
    made = []

    def begin(*targets):
        made.append(System(weir, tmp_path, targets))
        made[-1].start("collect")
        made[-1].start("notify")
        return made[-1]

    yield begin
    for system in made:
        for role in list(system.running):
            system.end(role, signal.SIGKILL)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A folder with a server's certificate, which is its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / "server.key", "-out",
                    folder / "server.pem"], check=True, capture_output=True)
    return folder


@pytest.fixture
def rsyslog(tmp_path, tls):
    """rsyslogd on three ports of its own: (ports, file of what it took)."""
    ports = {kind: free_port() for kind in ("udp", "tcp", "tls")}
    taken = tmp_path / "taken"
    config = tmp_path / "rsyslog.conf"
    config.write_text(
        f'global(workDirectory="{tmp_path}" defaultNetstreamDriverCAFile="{tls}/server.pem" '
        f'defaultNetstreamDriverCertFile="{tls}/server.pem" defaultNetstreamDriverKeyFile="{tls}/server.key")\n'
        'module(load="imudp")\nmodule(load="imptcp")\n'
        'module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")\n'
        'template(name="all" type="list") { property(name="inputname") constant(value="|") property(name="pri") constant(value="|") '
        'property(name="app-name") constant(value="|") property(name="structured-data") constant(value="|") property(name="msg") '
        'constant(value="\\n") }\n'
        f'ruleset(name="keep") {{ action(type="omfile" file="{taken}" template="all") }}\n'
        f'input(type="imudp" address="127.0.0.1" port="{ports["udp"]}" ruleset="keep")\n'
        f'input(type="imptcp" address="127.0.0.1" port="{ports["tcp"]}" ruleset="keep")\n'
        f'input(type="imtcp" address="127.0.0.1" port="{ports["tls"]}" ruleset="keep")\n')
    log = tmp_path / "rsyslog.log"
    process = subprocess.Popen(["rsyslogd", "-n", "-f", config, "-i", tmp_path / "pid"], stdout=open(log, "w"), stderr=subprocess.STDOUT)

    def listens():
        assert process.poll() is None, log.read_text()
        found = subprocess.run(["ss", "-Hlntu"], capture_output=True, text=True, check=True).stdout
        return all(f":{port} " in found for port in ports.values())

    wait_until("rsyslog to listen", listens)
    yield ports, taken
    process.terminate()
    process.wait(30)


def rules_of(text):
    return {rule for rule in RULES if f'rule="{rule}"' in text}


def test_syslog_by_rsyslog(start, rsyslog, tls):
    ports, taken = rsyslog
    system = start(f"udp syslog://127.0.0.1:{ports['udp']}", f"tcp syslog+tcp://127.0.0.1:{ports['tcp']}",
                   f"tls syslog+tls://127.0.0.1:{ports['tls']} ca={tls}/server.pem")
    system.send()

    def lines(name):
        return [line for line in taken.read_text().splitlines() if line.startswith(f"{name}|")] if taken.exists() else []

    for name in ("imudp", "imptcp", "imtcp"):
        wait_until(f"{name} to have all", lambda: rules_of("\n".join(lines(name))) == RULES)
        for line in lines(name):
            _, priority, app, data, message = line.split("|", 4)
            assert app == "weir" and data.startswith("[weir@32473 rule=") and data.endswith("]") and message.strip(), line
            assert int(priority) in (16 * 8 + 4, 16 * 8 + 3, 16 * 8 + 2), line
    assert system.end("notify") == 0


def test_webhooks(start, tmp_path, tls):
    plain, secret = free_port(), free_port()
    (tmp_path / "url").write_text(f"https://127.0.0.1:{secret}/hooks/T0P-S3CRET\n")
    (tmp_path / "token").write_text("t0ken-s3cret\n")
    (tmp_path / "template").write_text('{"mine":"${rule} ${subject}","n":${flows}}')
    with Hooks(plain) as hooks, Hooks(secret, tls=tls) as hidden:
        system = start(f"all http://127.0.0.1:{plain}/json", f"own http://127.0.0.1:{plain}/own template={tmp_path}/template rule=dns/ level=info",
                       f"chat https://127.0.0.1:{secret} url_file={tmp_path}/url token_file={tmp_path}/token form=slack ca={tls}/server.pem")
        system.send()
        wait_until("all events", lambda: {body["rule"] for path, _, body in hooks.posted if path == "/json"} >= RULES)
        wait_until("its own", lambda: any(path == "/own" for path, *_ in hooks.posted))
        wait_until("the chat", lambda: len(hidden.posted) >= len(RULES))
        for path, headers, body in hooks.posted:
            assert headers["Content-Type"] == "application/json"
            if path == "/own":
                assert body["mine"].startswith("dns/") and body["n"] >= 1
            else:
                assert body["flows"] >= 1 and body["first"].endswith("Z") and body["client"] and body["message"]
        for path, headers, body in hidden.posted:
            assert path == "/hooks/T0P-S3CRET" and headers["Authorization"] == "Bearer t0ken-s3cret" and "attachments" in body
        # Secrets stand nowhere.
        said = system.log("notify") + system.command("config", "show").stdout + system.command("status").stdout
        said += (tmp_path / "var/run/notify.prom").read_text()
        assert "s3cret" not in said and "S3CRET" not in said
        assert system.end("notify") == 0


def test_mail(start, tmp_path, tls):
    box = Mailbox()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "server.pem", tls / "server.key")
    (tmp_path / "password").write_text("s3cret\n")
    logins = []

    def authenticate(server, session, envelope, mechanism, data):
        logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"s3cret")

    server = Controller(box, hostname="127.0.0.1", port=free_port(), tls_context=context, authenticator=authenticate, auth_required=True)
    server.start()
    try:
        system = start(f"soc smtp://127.0.0.1:{server.port} from=weir@example.com to=soc@example.com to=noc@example.com user=weir "
                       f"password_file={tmp_path}/password ca={tls}/server.pem")
        system.send()
        wait_until("the mails", lambda: len(box.mails) >= len(RULES))
    finally:
        server.stop()
    assert set(logins) == {(b"weir", b"s3cret")}
    for sender, recipients, mail in box.mails:
        assert sender == "weir@example.com" and recipients == ["soc@example.com", "noc@example.com"]
        assert mail["subject"].startswith("[weir] ") and mail["auto-submitted"] == "auto-generated"
        assert "weir flows '" in mail.get_content() and mail.get_content().split("\n")[0] in mail["subject"] + mail.get_content()
    assert RULES <= {rule for rule in RULES for *_, mail in box.mails if rule in mail.get_content()}


def test_a_mail_that_is_refused_holds_up_no_other(start):
    class Picky(Mailbox):
        async def handle_RCPT(self, server, session, envelope, address, options):
            if address.startswith("gone"):
                return "550 nobody here"
            envelope.rcpt_tos.append(address)
            return "250 well"

        async def handle_DATA(self, server, session, envelope):
            if not self.mails and not hasattr(self, "refused"):
                self.refused = True
                return "554 it looks like spam"
            return await super().handle_DATA(server, session, envelope)

    box = Picky()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        system = start(f"soc smtp://127.0.0.1:{server.port} from=weir@example.com to=gone@example.com to=soc@example.com")
        system.send()
        wait_until("the others", lambda: len(box.mails) + 1 >= len(RULES))
        wait_until("the refusal", lambda: system.metric("refused_total", "soc") == 1)
    finally:
        server.stop()
    assert all(recipients == ["soc@example.com"] for _, recipients, _ in box.mails)


@pytest.mark.promise
def test_a_target_that_is_down_delays_itself_only(start):
    down, up = free_port(), free_port()
    with Hooks(up) as hooks:
        system = start(f"down http://127.0.0.1:{down}/", f"up http://127.0.0.1:{up}/")
        system.send()
        wait_until("the other to be told", lambda: {body["rule"] for *_, body in hooks.posted} >= RULES)
        wait_until("it to be known", lambda: system.metric("up", "down") == 0 and "down cannot be told" in system.log("notify"))
        assert "down is not told of events" in system.command("status").stdout
        # Whatever happens to weir meanwhile.
        told = len(hooks.posted)
        system.end("notify", signal.SIGKILL)
        system.start("notify")
        system.end("notify")
        system.start("notify")
        with Hooks(down, answers=[503, 429, 404]) as late:
            wait_until("the late one", lambda: {body["rule"] for *_, body in late.posted} >= RULES, 120)
            assert late.refused == [503, 429, 404]
            wait_until("it to be up", lambda: system.metric("up", "down") == 1)
            assert len({body["id"] for *_, body in late.posted}) == len(late.posted)
        # What goes on is told again by each process that has just begun, and not more often.
        ids = [body["id"] for *_, body in hooks.posted]
        assert max(ids.count(one) for one in ids) <= 3


def test_a_message_that_is_refused_is_left_out(start):
    port = free_port()
    with Hooks(port, answers=[400]) as hooks:
        system = start(f"picky http://127.0.0.1:{port}/")
        system.send()
        wait_until("the others", lambda: len(hooks.posted) + 1 >= len(RULES))
        wait_until("the refusal", lambda: system.metric("refused_total", "picky") == 1)
        assert "picky would not have a message" in system.log("notify") and "it answers 400: so it is" in system.log("notify")


def test_storms_are_told_as_one(start):
    port = free_port()
    with Hooks(port) as hooks:
        system = start(f"calm http://127.0.0.1:{port}/ per_minute=1")
        system.send()
        wait_until("what was held back", lambda: (system.metric("held_total", "calm") or 0) >= len(RULES) - 1)
        assert len(hooks.posted) == 1


def test_targets_that_are_gone_hold_nothing(start):
    port = free_port()
    with Hooks(port):
        system = start(f"old http://127.0.0.1:{port}/", f"new http://127.0.0.1:{port}/")
        positions = system.folder / "var/spool/position"
        assert (positions / "events-old").exists()
        system.end("notify")
        system.write([f"new http://127.0.0.1:{port}/"])
        system.start("notify")
        assert not (positions / "events-old").exists() and (positions / "events-new").exists()


def test_test_messages(weir, tmp_path, rsyslog):
    ports, taken = rsyslog
    port, closed = free_port(), free_port()
    system = System(weir, tmp_path, [f"log syslog+tcp://127.0.0.1:{ports['tcp']}", f"hook http://127.0.0.1:{port}/ level=critical",
                                     f"gone http://127.0.0.1:{closed}/"])
    with Hooks(port) as hooks:
        done = system.command("notify", "--test", "all")
        assert done.returncode == 1 and "hook: http://127.0.0.1" in done.stdout and "log: syslog+tcp" in done.stdout
        assert "gone: http://127.0.0.1" in done.stderr and "connect" in done.stderr
        assert hooks.posted[0][2]["rule"] == "notify/test"
    wait_until("rsyslog", lambda: taken.exists() and "This is a test of weir" in taken.read_text())
    assert system.command("notify", "--test", "log").returncode == 0
    done = system.command("notify", "--test", "nobody")
    assert done.returncode == 2 and 'there is no target "nobody"' in done.stderr


def test_mistakes_are_told(weir, tmp_path):
    system = System(weir, tmp_path, ["a http://x/ form=pigeon"])
    for command in (("config", "check"), ("notify",)):
        done = system.command(*command)
        assert done.returncode != 0 and "form=pigeon: there is no such form" in done.stderr and "Traceback" not in done.stderr
    system.write(["a http://x/", "a http://y/"])
    assert 'two targets are called "a"' in system.command("config", "check").stderr


def test_a_certificate_is_checked(start, tls):
    """Without ca= the server's authority is a stranger."""
    port = free_port()
    with Hooks(port, tls=tls) as hooks:
        system = start(f"tls https://127.0.0.1:{port}/")
        system.send()
        wait_until("the refusal", lambda: "tls cannot be told" in system.log("notify"))
        assert "certificate" in system.log("notify") and not hooks.posted
