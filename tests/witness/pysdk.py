"""b24pysdk: installs nothing, calls as an installed application would, renews its tokens, and proves where it is."""

import json
import os
import urllib.request

from b24pysdk import BitrixAppLocal, BitrixToken

told = json.load(open(os.environ["FOLDER"] + "/portal.json"))


def verb(name, **body):
    """The stand-in's control interface, which is no part of what is witnessed."""
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"http://{told['listens']}/sandbox/{name}", data)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        return json.load(answer)


verb("install_silently")
granted = verb("grant")
app = BitrixAppLocal(client_id=told["client_id"], client_secret=told["client_secret"], domain="portal.example")
token = BitrixToken(
    domain="portal.example",
    auth_token=granted["access_token"],
    refresh_token=granted["refresh_token"],
    bitrix_app=app,
)
info = token.get_app_info().result
assert info.client_id == told["client_id"] and info.user_id == 1, info
assert info.install.installed and info.install.member_id == granted["member_id"], info.install
assert info.install.domain == "portal.example", info.install
assert info.install.client_endpoint == "https://portal.example/rest/", info.install


def call(method, **params):
    return token.call_method(method, params)


assert call("profile")["result"]["ADMIN"] is True
assert call("scope")["result"] == ["imopenlines", "imconnector", "im"]
assert str(call("server.time")["time"]["operating"]) == "0"
verb("expire_access_tokens")
assert call("app.info")["result"]["INSTALLED"] is True, "renewed by itself"
assert token.auth_token != granted["access_token"]
connector = {
    "ID": "witness",
    "NAME": "Witness",
    "ICON": {"DATA_IMAGE": "data:image/svg+xml,%3Csvg/%3E"},
    "PLACEMENT_HANDLER": "https://app.example/settings",
}
assert call("imconnector.register", **connector)["result"]["result"] is True
assert call("imconnector.activate", CONNECTOR="witness", LINE=1, ACTIVE=1)["result"] is True
message = {"user": {"id": "u1", "name": "Ann"}, "message": {"id": "m1", "text": "hi"}, "chat": {"id": "c1"}}
sent = call("imconnector.send.messages", CONNECTOR="witness", LINE=1, MESSAGES=[message])["result"]["DATA"]["RESULT"][0]
assert sent["SUCCESS"] is True, sent
chat = int(sent["session"]["CHAT_ID"])
history = call("imopenlines.session.history.get", CHAT_ID=chat)["result"]
assert [one["params"]["connectorMid"] for one in history["message"].values() if one["senderid"] != "0"] == [["m1"]], history
print("b24pysdk 1.3.2: agrees")
