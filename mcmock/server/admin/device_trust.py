"""How a device comes to trust this server: the certificate authority as a file, and a page with steps and a QR code.

The steps are a table; docs/devices.md tells the same at length. It knows what an Endpoint says of itself, and no certificates.
"""

from __future__ import annotations

from html import escape
from string import Template
from typing import NamedTuple

from aiohttp import web

from mcmock.server.admin import pages
from mcmock.server.admin.request import AdminRequest, Reply
from mcmock.server.endpoint import PREFIX, Endpoint

CERTIFICATE_TYPE = "application/x-x509-ca-cert"
"""The type at which iOS and Android offer to install what they have downloaded."""


class Steps(NamedTuple):
    """What to do on one platform. `command` is a line for a terminal; {ca} in it is the authority's file, {port} the one
    for HTTP."""

    platform: str
    steps: tuple[str, ...]
    command: str = ""


# Sources: support.apple.com/HT204477 and HT210176; developer.android.com/privacy-and-security/security-config;
# chromium.googlesource.com/chromium/src/+/main/docs/linux/cert_management.md; support.mozilla.org/kb/setting-certificate-
# authorities-firefox; nodejs.org/api/cli.html#node_extra_ca_certsfile; docs.oracle.com/en/java (keytool).
PLATFORMS = (
    Steps("iOS, iPadOS, tvOS", (
        "Open this page on the device, tap “Download the certificate authority”, and allow the profile.",
        "Settings › General › VPN & Device Management: install the profile “mcmock authority”.",
        "Settings › General › About › Certificate Trust Settings: switch it on.",
        "A simulator: drag the file onto its window, or run the line below.",
    ), "xcrun simctl keychain booted add-root-cert {ca}"),
    Steps("Android", (
        "Open this page on the device and download the certificate authority.",
        "Settings › Security › Encryption & credentials › Install a certificate › CA certificate: choose the file.",
        "An app trusts it only if its debug build says so: <certificates src=\"user\"/> inside <debug-overrides> of its "
        "network security config.",
    )),
    Steps("Android TV, Fire TV", (
        "Most have no screen to install an authority: put the file into the app's debug build as res/raw/mcmock_ca.pem.",
        "Name it in <debug-overrides> of the network security config: <certificates src=\"@raw/mcmock_ca\"/>.",
        "Or let the device reach this server as its own localhost, over plain HTTP:",
    ), "adb reverse tcp:{port} tcp:{port}"),
    Steps("Chromium, Chrome, Edge", (
        "Linux: run the lines below. macOS: open the file with Keychain Access and trust it for SSL.",
        "Windows: certutil -user -addstore Root with the file.",
    ), 'mkdir -p $HOME/.pki/nssdb\n'
        '[ -e $HOME/.pki/nssdb/cert9.db ] || certutil -d sql:$HOME/.pki/nssdb -N --empty-password\n'
        'certutil -d sql:$HOME/.pki/nssdb -A -t "C,," -n mcmock -i {ca}'),
    Steps("Firefox", (
        "Settings › Privacy & Security › Certificates › View Certificates › Authorities › Import: choose the file, and trust "
        "it to identify websites.",
        "Linux, from a shell: close Firefox, and run the line below with the profile's folder, which about:profiles names.",
    ), 'certutil -d sql:PROFILE-FOLDER -A -t "C,," -n mcmock -i {ca}'),
    Steps("Node.js", ("Start it with the variable:",), "NODE_EXTRA_CA_CERTS={ca} node app.js"),
    Steps("JVM", (
        "Import the file into a trust store, and start the program with -Djavax.net.ssl.trustStore=mcmock.p12 "
        "-Djavax.net.ssl.trustStorePassword=mcmock.",
    ), "keytool -importcert -noprompt -alias mcmock -file {ca} -keystore mcmock.p12 -storetype PKCS12 -storepass mcmock"),
    Steps("Python, curl", ("Point the client at the file:",), "SSL_CERT_FILE={ca} python app.py; curl --cacert {ca} URL"),
)  # fmt: skip

_OFF = "HTTPS is off. Start mcmock with --https-port 8443."
_OWN = "This server shows a certificate of your own: what trusts it is not mcmock's to say."
_LOCAL = "Only this machine can reach the server. For phones and TVs, start it with --host 0.0.0.0."


async def handle_certificate(asked: AdminRequest) -> Reply:
    authority = asked.place.authority
    if authority is None:
        return web.json_response(
            {"error": {"code": "no-authority", "message": _OWN if asked.place.https_port is not None else _OFF}},
            status=404,
        )
    headers = {"Content-Disposition": 'attachment; filename="mcmock-ca.pem"', "X-Content-Type-Options": "nosniff"}
    return web.Response(body=authority.pem, content_type=CERTIFICATE_TYPE, headers=headers)


async def handle_page(asked: AdminRequest) -> Reply:
    return pages.page(render(asked.place).encode())


def render(place: Endpoint) -> str:
    """Return the page as HTML."""
    reachable = place.reachable()
    page = Template(pages.contents()["trust.html"].decode())
    return page.substitute(
        state=_state(place),
        code=_code(f"{reachable[0]}{PREFIX}/trust") if reachable else f"<p>{escape(_LOCAL)}</p>",
        platforms="".join(_platform(one, place.port) for one in PLATFORMS) if place.authority is not None else "",
    )


def _state(place: Endpoint) -> str:
    secure = place.reachable(secure=True) or [str(place.https_url)]
    if place.authority is None:
        return f"<p>{escape(_OWN if place.https_port is not None else _OFF)}</p>"
    return (
        '<p><a class="button" href="ca.pem" download="mcmock-ca.pem">Download the certificate authority</a></p>'
        f"<dl><dt>HTTPS address</dt><dd><code>{escape(' '.join(secure))}</code></dd>"
        f"<dt>SHA-256 fingerprint</dt><dd><code>{place.authority.fingerprint()}</code></dd>"
        f"<dt>Valid until</dt><dd>{place.authority.ends():%Y-%m-%d}</dd></dl>"
    )


def _code(url: str) -> str:
    """Return the QR code that brings a phone to this page, and the address in letters."""
    try:
        import segno
    except ImportError:
        return f"<p>Open <code>{escape(url)}</code> on the device.</p>"
    drawing = segno.make(url, error="m").svg_inline(
        scale=5, border=3, dark="#000", light="#fff", title=f"QR code: {url}"
    )
    return f"<figure>{drawing}<figcaption>Open <code>{escape(url)}</code> on the device.</figcaption></figure>"


def _platform(one: Steps, port: int) -> str:
    steps = "".join(f"<li>{escape(step)}</li>" for step in one.steps)
    command = (
        f"<pre><code>{escape(one.command.format(ca='mcmock-ca.pem', port=port))}</code></pre>" if one.command else ""
    )
    return f"<details><summary>{escape(one.platform)}</summary><ol>{steps}</ol>{command}</details>"
