"""The stand-in messengers judged by the vendors' and independent libraries: their signatures and events are taken, and what
they answer is understood by the clients, unchanged. What is not installed is said."""

import asyncio
import json
import os
import sys
import tomllib

told = {}
for line in open(os.environ["FOLDER"] + "/messengers.json"):
    if line.strip():
        one = json.loads(line)
        told[one["kind"]] = one | {"settings": tomllib.loads(one["settings"])}
failed = []


def witness(library, kind):
    def run(test):
        stand_in = told[kind]
        posts = {post["act"]: post for post in stand_in["posts"]}
        try:
            test(stand_in["settings"], posts)
            print(f"{library}: agrees with the stand-in of {kind}")
        except ImportError as error:
            print(f"skipped: {library} ({error})")
        except Exception as error:  # the others have their say, too
            failed.append(kind)
            print(f"{library}: {type(error).__name__}: {error}")

    return run


@witness("line-bot-sdk", "line")
def line(given, posts):
    from linebot.v3.messaging import ApiClient, ApiException, Configuration, MessagingApi, PushMessageRequest
    from linebot.v3.webhook import WebhookParser

    parser = WebhookParser(given["secret"])
    read = lambda act: parser.parse(posts[act]["body"], posts[act]["headers"]["x-line-signature"])[0]
    assert read("writes").message.text == "héllo" and read("sends").message.file_name == "bill.pdf"
    assert read("deletes").unsend.message_id == "1"
    person = read("writes").source.user_id
    with ApiClient(Configuration(host=given["api"], access_token=given["token"])) as client:
        api = MessagingApi(client)
        message = PushMessageRequest.from_dict({"to": person, "messages": [{"type": "text", "text": "hi"}]})
        key = "00000000-0000-8000-8000-000000000007"
        sent = api.push_message(message, x_line_retry_key=key).sent_messages[0].id
        try:
            api.push_message(message, x_line_retry_key=key)
            raise AssertionError("a key is good once")
        except ApiException as error:
            assert error.status == 409 and json.loads(error.body)["sentMessages"][0]["id"] == sent, error
        assert api.get_profile(person).display_name == "Ada"
        assert api.get_bot_info().basic_id == "@kit" and api.get_webhook_endpoint().active


@witness("viberbot", "viber")
def viber(given, posts):
    from viberbot import Api
    from viberbot.api.bot_configuration import BotConfiguration
    from viberbot.api.messages import TextMessage

    api = Api(BotConfiguration(name="Shop", avatar="", auth_token=given["token"]))
    api._request_sender._viber_bot_api_url = given["api"]
    for post in posts.values():
        assert api.verify_signature(post["body"].encode(), post["headers"]["x-viber-content-signature"])
    event = api.parse_request(posts["writes"]["body"])
    assert event.message.text == "héllo" and api.parse_request(posts["sends"]["body"]).message.file_name == "bill.pdf"
    one, two = (api.send_messages(event.sender.id, [TextMessage(text="hi")])[0] for _ in range(2))
    assert two == one + 1, "exact, though they differ in the last digit only"


@witness("pywa", "whatsapp")
def whatsapp(given, posts):
    from pywa import WhatsApp, types
    from pywa.utils import webhook_updates_validator

    client = WhatsApp(phone_id=given["phone_number_id"], token=given["token"])
    client.api._session.base_url = f"{given['api']}/v26.0"
    for post in posts.values():
        signature = post["headers"]["x-hub-signature-256"]
        assert webhook_updates_validator(given["app_secret"], post["body"].encode(), signature)
    read = lambda kind, act: kind.from_update(client, json.loads(posts[act]["body"]))
    message = read(types.Message, "writes")
    assert message.text == "héllo" and read(types.Message, "sends").document.filename == "bill.pdf"
    assert read(types.EditedMessage, "edits").original_message_id == message.id
    assert read(types.DeletedMessage, "deletes").original_message_id == message.id
    sent = client.send_message(to=message.from_user.wa_id, text="hi")
    assert getattr(sent, "id", sent).startswith("wamid.")
    assert client.get_media_url(read(types.Message, "sends").document.id).url.startswith(given["api"])


@witness("maxapi", "max")
def maxapi(given, posts):
    from maxapi import Bot
    from maxapi.types.updates.message_created import MessageCreated
    from maxapi.types.updates.message_edited import MessageEdited
    from maxapi.types.updates.message_removed import MessageRemoved

    assert all(post["headers"]["x-max-bot-api-secret"] == given["secret"] for post in posts.values())
    read = lambda kind, act: kind(**json.loads(posts[act]["body"]))
    message = read(MessageCreated, "writes").message
    assert message.body.text == "héllo" and read(MessageEdited, "edits").message.body.mid == message.body.mid
    assert read(MessageCreated, "sends").message.body.attachments[0].filename == "bill.pdf"
    assert read(MessageRemoved, "deletes").message_id == message.body.mid

    async def send():
        bot = Bot(given["token"])
        bot.api_url = given["api"]
        try:
            assert (await bot.get_me()).username == "kit_bot"
            chat = message.recipient.chat_id
            sent = (await bot.send_message(chat_id=chat, text="hi")).message
            assert sent.body.mid and sent.body.text == "hi", sent
            there = await bot.get_messages(chat_id=chat)
            assert sent.body.mid in [one.body.mid for one in there.messages], there
            assert (await bot.edit_message(message_id=sent.body.mid, text="ho")).success
            assert (await bot.delete_message(message_id=sent.body.mid)).success
        finally:
            await bot.close_session()

    asyncio.run(send())


@witness("vkbottle", "vk")
def vk(given, posts):
    from vkbottle import API, VKAPIError
    from vkbottle_types.events.bot_events import MessageEdit, MessageNew

    assert all(json.loads(post["body"])["secret"] == given["secret"] for post in posts.values())
    message = MessageNew(**json.loads(posts["writes"]["body"])).object.message
    assert message.text == "héllo" and MessageEdit(**json.loads(posts["edits"]["body"])).object.text == "héllo!"
    assert MessageNew(**json.loads(posts["sends"]["body"])).object.message.attachments[0].doc.title == "bill.pdf"

    class Here(API):
        API_URL = f"{given['api']}/"

    async def send():
        api = Here(given["token"])
        try:
            one, again, two = [await api.messages.send(peer_id=message.peer_id, random_id=n, message="hi") for n in (7, 7, 8)]
            assert one == again != two, "random_id keeps it single"
            assert await api.messages.edit(peer_id=message.peer_id, message_id=one, message="ho")
            assert (await api.users.get(user_ids=[message.from_id]))[0].first_name == "Ada"
            try:
                await api.messages.send(peer_id=1, random_id=9, message="hi")
                raise AssertionError("nobody allowed that")
            except VKAPIError[901]:
                pass
        finally:
            await api.http_client.close()

    asyncio.run(send())


sys.exit(f"not as they are: {', '.join(failed)}" if failed else 0)
