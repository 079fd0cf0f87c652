"""Which file system a file is on: some that reach over a network do not keep two processes apart."""

from __future__ import annotations

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
_OVER_A_NETWORK = re.compile(
    r"(nfs\d*|cifs|smb\d*|smbfs|9p|afs|ceph|glusterfs|lustre|gpfs|beegfs|ocfs2|gfs2|fuse\.(sshfs|s3fs|gcsfuse|rclone"
    r"|glusterfs|ceph.*|juicefs|davfs.*|mount-s3|blobfuse.*)|davfs|ncpfs|pvfs2|orangefs)"
)


def network_file_system(path: Path) -> str | None:
    """Name the network file system that a file is on, or will be; None where it is local, or that cannot be told."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    kind = kind_of(mounts, os.path.realpath(path))
    return kind if kind is not None and _OVER_A_NETWORK.fullmatch(kind) else None


def kind_of(mounts: str, path: str) -> str | None:
    """Tell the kind of file system of a path from what ``/proc/self/mountinfo`` holds; the latest of a place counts."""
    found, length = None, -1
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        parts, kinds = fields.split(), rest.split()
        if len(parts) < 5 or not kinds:
            continue
        place = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), parts[4])
        is_above = path == place or path.startswith(place.rstrip("/") + "/")
        if is_above and len(place) >= length:
            found, length = kinds[0], len(place)
    return found
