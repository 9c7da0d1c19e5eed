"""captures/ is what its README says: listed.py FOLDER

Every file stands in the table, every name in the table is a file, all of them are small, and none holds a
folder of the machine that made it.
"""

import pathlib
import re
import sys

FILE_MAX, ALL_MAX = 60_000, 500_000
FOLDERS = (b'/home/', b'/tmp/', b'/root/', b'/usr/')
PEER_LOG = re.compile(r'\.nghttpd?\.log$|\.keys$')


def problems(folder):
    files = {path.name: path for path in folder.iterdir() if path.name != 'README.md'}
    table = [line for line in (folder / 'README.md').read_text().splitlines() if line.startswith('| `')]
    named = {name for line in table for name in re.findall(r'`([^`]+)`', line.split('|')[1])}
    for name in sorted(named - files.keys()):
        yield f'{name} is in the table but is no file'
    for name, path in sorted(files.items()):
        # A log, also of keys, stands in the table by its capture.
        if PEER_LOG.sub('.pcap', name) not in named:
            yield f'{name} is not in the table'
        if path.stat().st_size > FILE_MAX:
            yield f'{name} is larger than {FILE_MAX} octets'
        if any(f in path.read_bytes() for f in FOLDERS):
            yield f'{name} names a folder of a machine'
    if sum(path.stat().st_size for path in files.values()) > ALL_MAX:
        yield f'together they are larger than {ALL_MAX} octets'


def main():
    found = list(problems(pathlib.Path(sys.argv[1])))
    print('\n'.join(found))
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
