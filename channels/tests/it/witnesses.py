"""What the messengers' own libraries say: signatures that they make or accept, bodies that they parse, requests that they send.

Prints one JSON object a line for each library that is installed; those that are not are named under "missing". Nothing
leaves this machine: their clients are pointed at a server that this script starts.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

seen = []


class Catch(BaseHTTPRequestHandler):
    answer = b"{}"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        seen.append({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body.decode()})
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(Catch.answer)))
        self.end_headers()
        self.wfile.write(Catch.answer)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Catch)
threading.Thread(target=server.serve_forever, daemon=True).start()
HERE = f"http://127.0.0.1:{server.server_port}"
missing = []


def say(**what):
    print(json.dumps(what), flush=True)


def witness(library):
    def run(test):
        try:
            test()
        except ImportError as error:
            missing.append(f"{library} ({error})")
        return test

    return run


@witness("line-bot-sdk")
def line():
    from linebot.v3.messaging import ApiClient, Configuration, MessagingApi, PushMessageRequest
    from linebot.v3.webhook import SignatureValidator, WebhookParser

    event = {
        "type": "message", "webhookEventId": "01J0000000000000000000000A", "deliveryContext": {"isRedelivery": False},
        "timestamp": 1790000000000, "mode": "active", "replyToken": "rt",
        "source": {"type": "user", "userId": "U11111111111111111111111111111111"},
        "message": {"type": "text", "id": "6001", "quoteToken": "q1", "text": "h\u00e9llo"},
    }
    body = json.dumps({"destination": "Uffffffffffffffffffffffffffffffff", "events": [event]})
    signature = base64.b64encode(hmac.new(b"k3y", body.encode(), hashlib.sha256).digest()).decode()
    assert SignatureValidator("k3y").validate(body, signature)
    parsed = WebhookParser("k3y").parse(body, signature)[0]
    Catch.answer = b'{"sentMessages":[{"id":"6100","quoteToken":"q9"}]}'
    with ApiClient(Configuration(host=HERE, access_token="t0ken")) as client:
        message = {"to": "U1", "messages": [{"type": "text", "text": "hi"}]}
        key = "00000000-0000-8000-8000-000000000007"
        sent = MessagingApi(client).push_message(PushMessageRequest.from_dict(message), x_line_retry_key=key)
    call = seen.pop()
    say(kind="line", body=body, headers={"x-line-signature": signature}, chat=parsed.source.user_id, key=parsed.message.id,
        text=parsed.message.text, path=call["path"], json=json.loads(call["body"]), retry_key=call["headers"]["x-line-retry-key"],
        authorization=call["headers"]["authorization"], answer=Catch.answer.decode(), sent=sent.sent_messages[0].id)


@witness("viberbot")
def viber():
    from viberbot import Api
    from viberbot.api.bot_configuration import BotConfiguration
    from viberbot.api.messages import TextMessage

    api = Api(BotConfiguration(name="Shop", avatar="", auth_token="k3y-k3y"))
    api._request_sender._viber_bot_api_url = HERE
    body = json.dumps({
        "event": "message", "timestamp": 1790000000001, "chat_hostname": "SN-1", "message_token": 5990000000000000002,
        "sender": {"id": "01aBcD==", "name": "Ada", "language": "en", "country": "DE", "api_version": 10},
        "message": {"type": "text", "text": "h\u00e9llo"}, "silent": False,
    })
    signature = hmac.new(b"k3y-k3y", body.encode(), hashlib.sha256).hexdigest()
    assert api.verify_signature(body.encode(), signature)
    parsed = api.parse_request(body)
    Catch.answer = b'{"status":0,"status_message":"ok","message_token":5990000000000000099}'
    tokens = api.send_messages("01aBcD==", [TextMessage(text="hi", tracking_data="tag", min_api_version=1)])
    say(kind="viber", body=body, headers={"x-viber-content-signature": signature}, chat=parsed.sender.id,
        key=f"message/{parsed.message_token}", text=parsed.message.text, json=json.loads(seen.pop()["body"]),
        answer=Catch.answer.decode(), sent=str(tokens[0]))


@witness("pywa")
def whatsapp():
    from pywa import WhatsApp
    from pywa.utils import webhook_updates_validator

    value = {
        "messaging_product": "whatsapp", "metadata": {"display_phone_number": "4930111", "phone_number_id": "700200"},
        "contacts": [{"profile": {"name": "Ada"}, "wa_id": "4917100"}],
        "messages": [{"from": "4917100", "id": "wamid.A1", "timestamp": "1790000000", "type": "text", "text": {"body": "h\u00e9llo"}}],
    }
    update = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}
    body = json.dumps(update)
    signature = "sha256=" + hmac.new(b"k3y", body.encode(), hashlib.sha256).hexdigest()
    assert webhook_updates_validator(app_secret="k3y", request_body=body.encode(), x_hub_signature=signature)
    client = WhatsApp(phone_id="700200", token="t0ken")
    client.api._session.base_url = f"{HERE}/v26.0"
    Catch.answer = b'{"messaging_product":"whatsapp","contacts":[{"input":"4917100","wa_id":"4917100"}],"messages":[{"id":"wamid.O1"}]}'
    sent = client.send_message(to="4917100", text="hi", tracker="tag")
    call = seen.pop()
    say(kind="whatsapp", body=body, headers={"x-hub-signature-256": signature}, chat="4917100", key="wamid.A1",
        text="h\u00e9llo", path=call["path"], json=json.loads(call["body"]), authorization=call["headers"]["authorization"],
        answer=Catch.answer.decode(), sent=getattr(sent, "id", sent))


@witness("maxapi")
def maxapi():
    from maxapi import Bot
    from maxapi.enums.parse_mode import TextFormat
    from maxapi.types.updates.message_created import MessageCreated

    update = {
        "update_type": "message_created", "timestamp": 1790000000000, "user_locale": "ru",
        "message": {
            "sender": {"user_id": 8001, "first_name": "Ada", "is_bot": False, "last_activity_time": 1790000000000},
            "recipient": {"chat_id": 9001, "chat_type": "dialog", "user_id": 500}, "timestamp": 1790000000000,
            "body": {"mid": "mid.1", "seq": 1, "text": "h\u00e9llo"},
        },
    }
    parsed = MessageCreated(**update)
    Catch.answer = json.dumps({"message": update["message"] | {"body": {"mid": "mid.o1", "seq": 2, "text": "hi"}}}).encode()

    async def send():
        bot = Bot("t0ken")
        bot.api_url = HERE
        sent = await bot.send_message(chat_id=9001, text="hi", format=TextFormat.HTML)
        await bot.close_session()
        return sent.message.body.mid

    sent = asyncio.run(send())
    call = seen.pop()
    say(kind="max", body=json.dumps(update), headers={"x-max-bot-api-secret": "s3cret"}, chat=str(parsed.message.recipient.chat_id),
        key=parsed.message.body.mid, text=parsed.message.body.text, path=call["path"], json=json.loads(call["body"]),
        authorization=call["headers"]["authorization"], answer=Catch.answer.decode(), sent=sent)


@witness("vkbottle")
def vk():
    from vkbottle import API
    from vkbottle_types.events.bot_events import MessageNew

    message = {
        "id": 41, "date": 1790000000, "from_id": 7001, "peer_id": 7001, "out": 0, "version": 1001, "conversation_message_id": 12,
        "text": "h\u00e9llo", "attachments": [], "fwd_messages": [], "random_id": 0,
    }
    update = {"type": "message_new", "group_id": 300, "event_id": "e1", "v": "5.199", "secret": "s3",
              "object": {"message": message, "client_info": {"keyboard": True}}}
    parsed = MessageNew(**update).object.message

    class Here(API):
        API_URL = f"{HERE}/method/"

    Catch.answer = b'{"response":42}'

    async def send():
        api = Here("t0ken")
        sent = await api.messages.send(peer_id=7001, random_id=7, message="hi")
        await api.http_client.close()
        return sent

    sent = asyncio.run(send())
    call = seen.pop()
    from urllib.parse import parse_qsl, urlsplit

    form = dict(parse_qsl(call["body"])) | dict(parse_qsl(urlsplit(call["path"]).query))
    say(kind="vk", body=json.dumps(update), headers={}, chat=str(parsed.peer_id), key=str(parsed.conversation_message_id),
        text=parsed.text, path=urlsplit(call["path"]).path, form=form, answer=Catch.answer.decode(), sent=str(sent))


say(missing=missing, python=sys.version.split()[0])
