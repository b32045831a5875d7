"""A `weir run` with the embedded store, in a folder of its own and with a free port for its flows."""
import json
import os
import signal
import socket
import subprocess

from conftest import free_port, wait_until


class Running:
    """Each section is the text of one key of its configuration; it runs within a `with`. What it says is in `log`."""

    def __init__(self, weir, folder, **sections):
        self.weir, self.folder = weir, folder
        self.port = free_port(socket.SOCK_DGRAM)
        self.config, self.log = folder / "weir.yaml", folder / "log"
        listen = f"listen: ['127.0.0.1:{self.port}']"
        lines = {"data_dir": f"{folder}/var", "store": f"{{listen: '127.0.0.1:{free_port()}'}}", "web": "{listen: []}", **sections}
        lines["collect"] = "{" + ", ".join(filter(None, (listen, sections.get("collect", "sync: 100ms")))) + "}"
        self.config.write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
        self.environment = {**{name: value for name, value in os.environ.items() if name != "WEIR_CONFIG"}, "TZ": "UTC"}
        self.process = None

    def __enter__(self):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([self.weir, "run", "--config", self.config], stdout=log, stderr=log, env=self.environment)
        try:
            wait_until("weir run to be up", lambda: "Ctrl-C stops it" in self.log.read_text(), 60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *failure):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def run(self, *arguments):
        """A command in this system's folder, whose weir.yaml it finds; however it ends."""
        return subprocess.run([self.weir, *arguments], cwd=self.folder, capture_output=True, text=True, env=self.environment, timeout=120)

    def ask(self, *arguments):
        """What a command prints that must not fail."""
        done = self.run(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    def rows(self, *arguments):
        return json.loads(self.ask(*arguments, "--format", "json") or "[]")

    def stored(self, table="flows"):
        """How many rows, or -1 while the store cannot say."""
        done = self.run("sql", f"SELECT count() FROM {table}")
        return int(done.stdout) if done.returncode == 0 else -1

    def send(self, *options):
        """Plays a network to this system; the summary of what was sent."""
        done = subprocess.run([self.weir, "generate", "--to", f"127.0.0.1:{self.port}", "--summary", "json", *options],
                              capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
