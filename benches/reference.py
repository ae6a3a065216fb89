#!/usr/bin/env python3
"""A plain collector for Mimecast's API 1.0, to compare CPU time with; not for use.

It replaces the Python collection scripts, which need Python 2.7 and cannot run beside the programs. It does
the same work in the same way: sign, POST, save in chunks, unpack, write lines, save the token. It keeps none
of the promises: it does not sync or recover, and only zipfile verifies.

    reference.py siem|siem-bytewise|audit URL FOLDER

Keys are in APP_ID, APP_KEY, ACCESS_KEY and SECRET_KEY. `siem-bytewise` saves an archive one byte at a time,
as the Python script does.
"""

import base64, datetime, hashlib, hmac, http.client, json, os, sys, urllib.parse, uuid, zipfile

UTC = datetime.timezone.utc
CHUNK_BYTES = 64 * 1024


def post(connection, path, body):
    date = datetime.datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S UTC")
    request_id = str(uuid.uuid4())
    text = ":".join((date, request_id, path, os.environ["APP_KEY"]))
    secret = base64.b64decode(os.environ["SECRET_KEY"])
    digest = hmac.new(secret, text.encode(), hashlib.sha1).digest()
    signature = base64.b64encode(digest).decode()
    connection.request("POST", path, json.dumps(body), {
        "Authorization": f"MC {os.environ['ACCESS_KEY']}:{signature}",
        "x-mc-app-id": os.environ["APP_ID"],
        "x-mc-date": date,
        "x-mc-req-id": request_id,
        "Content-Type": "application/json",
    })
    return connection.getresponse()


def save_in_chunks(answer, file):
    while chunk := answer.read(CHUNK_BYTES):
        file.write(chunk)


def save_bytewise(answer, file):
    body = answer.read()
    for at in range(len(body)):
        file.write(body[at:at + 1])


def siem(connection, folder, save=save_in_chunks):
    token = None
    while True:
        ask = {"type": "MTA", "fileFormat": "key_value", "compress": True}
        if token:
            ask["token"] = token
        answer = post(connection, "/api/audit/get-siem-logs", {"data": [ask]})
        if answer.getheader("Content-Type") == "application/json":
            answer.read()
            return
        token = answer.getheader("mc-siem-token")
        archive = os.path.join(folder, "archive.zip")
        with open(archive, "wb") as file:
            save(answer, file)
        with zipfile.ZipFile(archive) as members:
            members.extractall(os.path.join(folder, "mta"))
        with open(os.path.join(folder, "token"), "w") as file:
            file.write(token)


def audit(connection, folder):
    end = datetime.datetime.now(UTC) - datetime.timedelta(minutes=1)
    for days in range(7, 0, -1):
        dates = [(end - datetime.timedelta(days=back)).strftime("%Y-%m-%dT%H:%M:%S+0000")
                 for back in (days, days - 1)]
        token = None
        with open(os.path.join(folder, f"audit_{days}.log"), "w", encoding="utf-8") as file:
            while True:
                pagination = {"pageSize": 500}
                if token:
                    pagination["pageToken"] = token
                window = {"startDateTime": dates[0], "endDateTime": dates[1]}
                body = {"meta": {"pagination": pagination}, "data": [window]}
                page = json.loads(post(connection, "/api/audit/get-audit-events", body).read())
                for event in page["data"]:
                    info = " ".join(event["eventInfo"].splitlines())
                    file.write(f"date={event['eventTime']}|mcType=auditLog|user={event['user']}"
                               f"|auditType=\"{event['auditType']}\"|eventInfo=\"{info}\n")
                token = page["meta"]["pagination"].get("next")
                if not token:
                    break


def main():
    stream, url, folder = sys.argv[1:]
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)
    if stream == "siem-bytewise":
        siem(connection, folder, save_bytewise)
    else:
        {"siem": siem, "audit": audit}[stream](connection, folder)


main()
