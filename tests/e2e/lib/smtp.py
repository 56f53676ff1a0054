# SPDX-License-Identifier: Apache-2.0
"""
A real SMTP server (aiosmtpd) with STARTTLS, AUTH LOGIN/PLAIN and scripted refusals.

Each mail is kept parsed and checked against what every mail must be: CRLF lines of at most 998 octets, one Date, From,
To, Subject and Message-ID, ASCII headers.  What is wrong goes to `violations`.
"""

import email
import email.policy
import logging
import os
import ssl
import subprocess
import threading
import time

from . import wait
from .process import MissingTool, free_port, tool

try:
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult, LoginPassword
    logging.getLogger("mail.log").setLevel(logging.ERROR)     # it warns about its own old interface
except ImportError:
    Controller = None
else:
    class _Controller(Controller):
        def factory(self):
            server = super().factory()
            # aiosmtpd asks in Outlook's old words; Postfix, Exim and Exchange ask so
            server.AuthLoginUsernameChallenge = "Username:"
            server.AuthLoginPasswordChallenge = "Password:"
            return server


def certificate(directory):
    """A self-signed certificate for 127.0.0.1 and localhost: (certificate file, key file)."""
    crt, key = os.path.join(directory, "smtp.crt"), os.path.join(directory, "smtp.key")
    if not os.path.exists(crt):
        subprocess.run([tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", crt],
                       check=True, capture_output=True)
    return crt, key


class Mail:
    def __init__(self, envelope, session):
        self.wall, self.mono = time.time(), time.monotonic()
        self.sender, self.recipients = envelope.mail_from, list(envelope.rcpt_tos)
        self.raw = envelope.original_content
        self.encrypted = session.ssl is not None
        self.login = session.auth_data.login.decode() if getattr(session, "auth_data", None) else None
        self.message = email.message_from_bytes(self.raw, policy=email.policy.default)

    def header(self, name):
        value = self.message[name]
        return None if value is None else str(value)

    def part(self, content_type):
        for part in self.message.walk():
            if part.get_content_type() == content_type:
                return part.get_content()
        return None

    def errors(self):
        errors = []
        if b"\n" in self.raw.replace(b"\r\n", b""):
            errors.append("a line does not end in CRLF")
        if any(len(line) > 998 for line in self.raw.split(b"\r\n")):
            errors.append("a line is longer than 998 octets")
        for name in ("Date", "From", "To", "Subject", "Message-ID"):
            count = len(self.message.get_all(name, []))
            if count != 1:
                errors.append(f"{count} headers {name}")
        head = self.raw.split(b"\r\n\r\n", 1)[0]
        if not head.isascii():
            errors.append("the headers are not ASCII")
        if self.message.defects:
            errors.append(f"defects: {self.message.defects}")
        return errors


class Smtp:
    """replies: scripted refusals of DATA, one per mail, e.g. "451 4.7.1 greylisted"."""

    name = "smtp"

    def __init__(self, directory, tls=False, login=None, require_tls=False):
        if Controller is None:
            raise MissingTool("aiosmtpd is not installed: apt-get install python3-aiosmtpd")
        self.mails, self.violations, self.refused = [], [], []
        self.logins_failed = 0
        self._replies = []
        self._lock = threading.Lock()
        self.certificate = None
        options = {}
        if tls:
            self.certificate, key = certificate(str(directory))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate, key)
            options.update(tls_context=context, require_starttls=require_tls)
        if login:
            options.update(authenticator=self._authenticate(login), auth_required=True, auth_require_tls=tls)
        self._controller = _Controller(self, hostname="127.0.0.1", port=free_port(), ready_timeout=10 * wait.PATIENCE,
                                       **options)
        self._controller.start()
        self.port = self._controller.port

    def _authenticate(self, login):
        user, password = login

        def check(_server, _session, _envelope, _mechanism, data):
            good = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == (user, password)
            if not good:
                self.logins_failed += 1
            return AuthResult(success=good, handled=good, auth_data=data if good else None)

        return check

    @property
    def smarthost(self):
        return f"127.0.0.1:{self.port}"

    def refuse(self, *replies):
        with self._lock:
            self._replies.extend(replies)

    async def handle_DATA(self, _server, session, envelope):
        mail = Mail(envelope, session)
        with self._lock:
            if self._replies:
                self.refused.append(mail)
                return self._replies.pop(0)
            errors = mail.errors()
            if errors:
                self.violations.append(f"smtp: {'; '.join(errors)}")
                return "554 5.6.0 " + "; ".join(errors)[:200]
            self.mails.append(mail)
        return "250 2.0.0 accepted"

    def taken(self):
        with self._lock:
            return list(self.mails)

    def wait_count(self, count, deadline=10.0):
        return wait.until(f"{count} mails", lambda: (lambda mails: mails if len(mails) >= count else None)(self.taken()),
                          deadline)

    def hold_count(self, count, seconds):
        assert len(self.taken()) == count, f"{len(self.taken())} mails instead of {count}"
        wait.hold(f"{count} mails and no more", lambda: len(self.taken()) == count, seconds)

    def release(self):
        pass

    def close(self):
        self._controller.stop()
