"""house.py - everything a chaos test needs, private and on loopback: PostgreSQL, the simulated bank,
nodes of the program, nginx before them.  All are children of this process and end with it."""

import glob
import http.client
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import time

START_S = 30


class Trouble(Exception):
    """The house itself does not stand: no verdict about the program."""


def wait_until(what, seconds, ready):
    """Polls until ready() is true; Trouble says what was waited for."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if ready():
            return
        time.sleep(0.02)
    raise Trouble("waited %d s in vain: %s" % (seconds, what))


def free_ports(n):
    """Below those of outgoing connections: one of these could take a port before its server does."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        top = max(int(f.read().split()[0]), 20000)
    held = []
    for port in random.sample(range(10000, top), 1000):
        try:
            if len(held) < n:
                held.append(socket.create_server(("127.0.0.1", port)))
        except OSError:
            pass
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class Part:
    """One process with its log; a session of its own, so that kill() takes its children too."""

    def __init__(self, house, name, argv, env=None):
        self.name = name
        log = open(os.path.join(house.log, name + ".log"), "ab")
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **(env or {})})
        log.close()
        self.pid = self.process.pid

    def alive(self):
        return self.process.poll() is None

    def send(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def kill(self):
        """SIGKILL to it and its children, and waits until they are gone."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def stop(self, number=signal.SIGTERM, seconds=40):
        self.send(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def stopped(self):
        """Did it stop itself (SIGSTOP) at a checkpoint?"""
        try:
            with open("/proc/%d/stat" % self.pid) as f:
                return f.read().rsplit(")", 1)[1].split()[0] == "T"
        except OSError:
            return False


class Client:
    """One browser or machine with a kept connection.  Who: a login, or None for the API."""

    def __init__(self, house, port, who=None):
        self.house, self.port, self.who, self.line = house, port, who, None

    def ask(self, method, path, body=None, headers=None, timeout=60):
        """(status, headers, text); status 0: no answer, the request may or may not have arrived."""
        h = dict(headers or {})
        if self.who:
            h["X-Operator"] = self.who
        else:
            h["Authorization"] = "Bearer " + self.house.token
        try:
            if self.line is None:
                self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
            self.line.request(method, path, body, h)
            answer = self.line.getresponse()
            return answer.status, answer.headers, answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException):
            if self.line:
                self.line.close()
            self.line = None
            return 0, {}, ""

    def api(self, method, path, content=None, key=None, wait=None):
        """(status, decoded JSON or {})."""
        h = {}
        if content is not None:
            h["Content-Type"] = "application/json"
        if key:
            h["Idempotency-Key"] = key
        if wait is not None:
            h["Prefer"] = "wait=%d" % wait
        status, _, text = self.ask(method, "/api/v1" + path,
                                   None if content is None else json.dumps(content), h)
        try:
            return status, json.loads(text) if text else {}
        except ValueError:
            return status, {}


class House:
    def __init__(self, home, log, bank_skew_ms=300000):
        self.home, self.parts, self.log = home, os.path.join(home, "parts"), log
        self.pg_bin = os.path.dirname(sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))[-1])
        self.owner = "host=%s dbname=otprefund user=postgres" % home
        (self.bank_port, self.control_port, self.both_port, self.a_port,
         self.b_port) = free_ports(5)
        self.nodes, self.postgres, self.bank, self.nginx = {}, None, None, None
        self.bank_skew_ms = bank_skew_ms
        os.makedirs(self.log, exist_ok=True)

    # ---- up and down ----------------------------------------------------------------------------

    def up(self):
        for name in ("developer_key", "access_key", "csrf_key", "callback_secret"):
            path = os.path.join(self.home, name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
                f.write(secrets.token_hex(32) + "\n")
        with open(os.path.join(self.home, "callback_secret")) as f:
            self.callback_secret = f.read().strip()
        subprocess.run([self.pg_bin + "/initdb", "-D", self.home + "/pg", "-U", "postgres", "-A",
                        "trust", "-E", "UTF8", "--locale=C.UTF-8"], check=True,
                       stdout=subprocess.DEVNULL)
        with open(self.home + "/pg/postgresql.conf", "a") as f:
            f.write("listen_addresses = ''\nunix_socket_directories = '%s'\n"
                    "max_connections = 200\n" % self.home)
        self.postgres_up()
        self.run("createdb", "-h", self.home, "-U", "postgres", "-T", "template0", "otprefund")
        self.write_settings("admin", False)
        self.ctl("migrate", "--folder", self.parts + "/share/otprefund/sql")
        self.sql("create role otprefund login in role otprefund_app")
        for name, role in (("asha", "operator"), ("ravi", "operator"), ("sunil", "supervisor")):
            self.ctl("operator", "add", name, "--role", role)
        self.token = self.ctl("api-client", "add", "switch", "--scope", "refund").strip()
        self.bank_up()
        self.nginx_up()
        return self

    def down(self):
        for part in [self.nginx, *self.nodes.values(), self.bank, self.postgres]:
            if part and part.alive():
                part.send(signal.SIGCONT)
                part.kill()

    def run(self, program, *argv):
        done = subprocess.run([os.path.join(self.pg_bin, program), *argv], capture_output=True,
                              text=True)
        if done.returncode != 0:
            raise Trouble("%s: %s" % (program, done.stderr.strip()))
        return done.stdout

    def ctl(self, *argv):
        done = subprocess.run([self.parts + "/sbin/otprefundctl", "-c", self.home + "/admin.conf",
                               *argv], capture_output=True, text=True,
                              env={"OTPREFUND_OWNER_DB": self.owner, "PATH": "/usr/bin"})
        if done.returncode != 0:
            raise Trouble("otprefundctl %s: %s" % (argv[0], done.stderr.strip()))
        return done.stdout

    # ---- PostgreSQL -----------------------------------------------------------------------------

    def postgres_up(self):
        self.postgres = Part(self, "postgres", [self.pg_bin + "/postgres", "-D", self.home + "/pg"])
        wait_until("PostgreSQL", START_S, lambda: subprocess.run(
            [self.pg_bin + "/pg_isready", "-q", "-h", self.home, "-U", "postgres"]).returncode == 0)

    def postgres_kill(self):
        """As when the power goes: the postmaster and every backend at once."""
        # It is stopped first, or it would make another backend after they were counted, which then
        # holds the shared memory and keeps the next one from starting.
        self.postgres.send(signal.SIGSTOP)
        wait_until("the postmaster to be stopped", START_S, self.postgres.stopped)
        pids = [self.postgres.pid]
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(stat) as f:
                    fields = f.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == self.postgres.pid:
                pids.append(int(stat.split("/")[2]))
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.postgres.process.wait()
        wait_until("the backends' end", START_S, lambda: not any(
            os.path.exists("/proc/%d" % pid) for pid in pids[1:]))

    def sql(self, text):
        """Rows as lists of texts."""
        out = self.run("psql", "-X", "-q", "-At", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d",
                       self.owner, "-c", text)
        return [line.split("\t") for line in out.splitlines()]

    def cut_connections(self):
        self.sql("select pg_terminate_backend(pid) from pg_stat_activity"
                 " where usename = 'otprefund'")

    # ---- the bank -------------------------------------------------------------------------------

    def bank_up(self):
        os.makedirs(self.home + "/bank", exist_ok=True)
        self.bank = Part(self, "bank", [
            self.parts + "/bank", "--port", str(self.bank_port), "--control-port",
            str(self.control_port), "--dir", self.home + "/bank",
            "--developer-key-file", self.home + "/developer_key",
            "--access-key-file", self.home + "/access_key",
            "--skew-ms", str(self.bank_skew_ms),
            "--callback-url", "http://127.0.0.1:%d/callback/eko/%s"
            % (self.both_port, self.callback_secret)])
        wait_until("the bank", START_S, lambda: os.path.exists(self.home + "/bank/bank.ready"))

    def control(self, method, path, content=None):
        line = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=60)
        line.request(method, path, None if content is None else json.dumps(content))
        answer = line.getresponse()
        text = answer.read().decode()
        line.close()
        return answer.status, text

    def phone(self, tid):
        status, text = self.control("GET", "/phone/" + tid)
        return json.loads(text)["otp"] if status == 200 else None

    def book(self):
        lines = self.control("GET", "/book")[1].splitlines()
        return {entry["tid"]: entry for entry in map(json.loads, lines)}

    # ---- nodes ----------------------------------------------------------------------------------

    def write_settings(self, name, resolver):
        with open("%s/%s.conf" % (self.home, name), "w") as f:
            f.write("""[bank]
base_url = https://127.0.0.1:{port}/ekoapi/v3
environment = uat
developer_key_file = {home}/developer_key
access_key_file = {home}/access_key
initiator_id = 9000000001
user_code = 20110001
timeout_ms = 3000
connect_timeout_ms = 2000
ca_file = {home}/bank/ca.pem
[journal]
conninfo = host={home} dbname=otprefund user=otprefund
connections = 16
[desk]
listen = {home}/{name}.sock
data_dir = {parts}/share/otprefund
csrf_key_file = {home}/csrf_key
workers = 80
wait_ms = 1000
[callback]
secret_file = {home}/callback_secret
[resolver]
enabled = {resolver}
settle_s = 8
first_s = 1
max_s = 3
per_second = 1000
[log]
level = warning
""".format(port=self.bank_port, home=self.home, parts=self.parts, name=name,
           resolver="yes" if resolver else "no"))

    def node_up(self, name, resolver=True, checkpoint=None):
        """name: "a" or "b", behind nginx; others stand alone."""
        self.write_settings(name, resolver)
        path = "%s/%s.sock" % (self.home, name)
        if os.path.exists(path):
            os.unlink(path)
        env = {"OTPREFUND_CHECKPOINT": checkpoint} if checkpoint else None
        node = Part(self, "node-" + name, [self.parts + "/libexec/otprefund.fcgi", "-c",
                                           "%s/%s.conf" % (self.home, name)], env)
        self.nodes[name] = node
        wait_until("node " + name, START_S, lambda: self.listens(path) or not node.alive()
                   or node.stopped())
        if not node.alive():
            raise Trouble("node %s does not start" % name)
        return node

    @staticmethod
    def listens(path):
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(path)
                return True
            except OSError:
                return False

    # ---- nginx: one port for both nodes, and one for each ----------------------------------------

    def nginx_up(self):
        params = "".join("fastcgi_param %s;\n" % p for p in (
            "SERVER_PROTOCOL $server_protocol", "SERVER_NAME $server_name",
            "SERVER_PORT $server_port", "REQUEST_METHOD $request_method",
            "REQUEST_URI $request_uri", "DOCUMENT_URI $document_uri",
            "QUERY_STRING $query_string", "CONTENT_TYPE $content_type",
            "CONTENT_LENGTH $content_length", "REMOTE_ADDR $remote_addr",
            "REMOTE_USER $http_x_operator", 'HTTP_PROXY ""', 'HTTP_X_OPERATOR ""'))
        server = """server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ fastcgi_pass {to}; {params} }}
}}
"""
        servers = (server.format(port=self.both_port, to="both", params=params) +
                   server.format(port=self.a_port, to="unix:%s/a.sock" % self.home, params=params) +
                   server.format(port=self.b_port, to="unix:%s/b.sock" % self.home, params=params))
        os.makedirs(self.home + "/nginx", exist_ok=True)
        with open(self.home + "/nginx.conf", "w") as f:
            f.write("""daemon off;
pid {home}/nginx/pid;
error_log {log}/nginx.log;
worker_processes 2;
worker_rlimit_nofile 8192;
events {{ worker_connections 4000; }}
http {{
access_log off;
client_body_temp_path {home}/nginx/body;
fastcgi_temp_path {home}/nginx/fastcgi;
proxy_temp_path {home}/nginx/proxy;
uwsgi_temp_path {home}/nginx/uwsgi;
scgi_temp_path {home}/nginx/scgi;
keepalive_requests 1000000;
fastcgi_read_timeout 60s;
upstream both {{
    server unix:{home}/a.sock max_fails=0;
    server unix:{home}/b.sock max_fails=0;
}}
{servers}}}
""".format(home=self.home, log=self.log, servers=servers))
        nginx = "/usr/sbin/nginx"
        self.nginx = Part(self, "nginx", [nginx, "-p", self.home, "-e",
                                          self.log + "/nginx.log", "-c", self.home + "/nginx.conf"])

        def answers():
            try:
                socket.create_connection(("127.0.0.1", self.both_port), 1).close()
                return True
            except OSError:
                return False
        wait_until("nginx", START_S, answers)
