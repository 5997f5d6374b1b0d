"""A's receiver, in its own process so that it takes no time from the measuring one: answers 200
after some seconds, or never.

    receiver.py 11      # after 11 s; "never" hangs

It prints its port. One thread serves all connections.
"""

import asyncio
import sys


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, after: float | None) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
            await reader.readexactly(length)
            if after is None:
                # Until the sender closes the connection.
                await reader.read()
                return
            await asyncio.sleep(after)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(after: float | None) -> None:
    server = await asyncio.start_server(lambda r, w: answer(r, w, after), "127.0.0.1", 0, backlog=1024, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(None if sys.argv[1] == "never" else float(sys.argv[1])))
