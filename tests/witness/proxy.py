"""Answers for the vendor's hosts: takes CONNECT, ends TLS with the folder's certificate, hands the bytes to the stand-in."""

import json
import socket
import socketserver
import ssl
import sys
import threading
from urllib.parse import urlsplit

folder = sys.argv[1]
told = json.load(open(f"{folder}/portal.json"))
portal, auth = told["listens"], told["auth_listens"]
servers = {"portal.example": portal, "oauth.bitrix24.tech": auth, "oauth.bitrix.info": auth}
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(f"{folder}/ca.pem", f"{folder}/key.pem")


def pump(source, target):
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
    except OSError:
        pass
    finally:
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Handler(socketserver.StreamRequestHandler):
    rbufsize = 0

    def handle(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.request.recv(1)
            if not byte:
                return
            head += byte
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        tunnel = method == "CONNECT"
        host = target.split(":")[0] if tunnel else urlsplit(target).hostname
        if host not in servers:
            self.request.sendall(b"HTTP/1.1 502 Not one of ours\r\n\r\n")
            return
        address, port = servers[host].rsplit(":", 1)
        server = socket.create_connection((address, int(port)))
        client = self.request
        if tunnel:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            client = tls.wrap_socket(client, server_side=True)
        else:
            path = target.split(host, 1)[1].lstrip(":0123456789") or "/"
            server.sendall(head.replace(target.encode(), path.encode(), 1))
        threading.Thread(target=pump, args=(server, client), daemon=True).start()
        pump(client, server)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server(("127.0.0.1", 0), Handler) as proxy:
    print(f"http://127.0.0.1:{proxy.server_address[1]}", flush=True)
    proxy.serve_forever()
