"""Unpacks the members of a wheel that match the given patterns, telling bytes done and all.

python3 extract_wheel.py WHEEL FOLDER PATTERN...   (patterns are regular expressions on member names)
"""

import os
import re
import sys
import zipfile


def main() -> None:
    wheel, folder, *patterns = sys.argv[1:]
    wanted = [re.compile(pattern) for pattern in patterns]
    with zipfile.ZipFile(wheel) as archive:
        members = [
            member
            for member in archive.infolist()
            if not member.is_dir() and any(pattern.search(member.filename) for pattern in wanted)
        ]
        total = sum(member.file_size for member in members)
        done = told = 0
        for member in members:
            parts = member.filename.split("/")
            if member.filename.startswith("/") or ".." in parts or "\\" in member.filename:
                sys.exit(f"the wheel names a file outside of itself: {member.filename}")
            target = os.path.join(folder, *parts)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            # Read to its end, a member is held to its CRC by zipfile.
            with archive.open(member) as source, open(target, "wb") as out:
                while chunk := source.read(1 << 20):
                    out.write(chunk)
                    done += len(chunk)
                    if done - told >= 16 << 20:
                        told = done
                        print(f"{done} {total}", flush=True)


main()
