"""Nets of other shapes than the peer benchmark's eight: odd sizes, 1x1 convolutions, 24, 45 and 90 channels.

    python tests/benchmarks/held_out.py PEERS FOLDER      # a copy of the peers' harness that knows these nets alone
    python FOLDER/side_by_side.py --rounds 5 --save lines.jsonl --ours "..."

What is fast on eight nets may have been made for them; nothing was tuned on these.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

NETS = '''

def held_out():
    def stage(name, maps, before, stride):
        """A bottleneck of a residual network (He et al. 2016): 1x1, 3x3, 1x1 and a projection."""
        blocks = conv_bn(maps, 1, 0, stride, bias=False) + conv_bn(maps, 3, 1, bias=False)
        blocks += [conv(4 * maps, 1, bias=False), batch_norm(name=f"Main_{name}")]
        blocks += [conv(4 * maps, 1, 0, stride, bias=False, inputs=[before]), batch_norm(name=f"Short_{name}")]
        return blocks + [{"type": "Add2", "inputs": [f"Main_{name}", f"Short_{name}"]},
                         {"type": "ReLU", "name": f"Out_{name}"}]

    odd = [*conv_bn(24, 3, 1), *conv_bn(45, 3, 1), max_pool(3, 2), *conv_bn(45, 5, 2), max_pool(2, 2),
           affine(90), relu()]
    inside = [conv(192, 5, 2), relu(), conv(160, 1), relu(), conv(96, 1), relu(), max_pool(3, 2),
              conv(192, 5, 2), relu(), conv(192, 1), relu(), conv(192, 1), relu(), {"type": "GlobalAveragePooling"}]
    residual = [*conv_bn(16, 3, 1), *stage("1", 16, "ReLU_3", 1), *stage("2", 32, "Out_1", 2),
                *stage("3", 64, "Out_2", 2), {"type": "GlobalAveragePooling"}]
    strided = [*conv_bn(24, 3, 1, 2), *conv_bn(45, 3, 1, 2), *conv_bn(90, 3, 1, 2), affine(100), relu()]
    stem = [*conv_bn(64, 7, 3, 2), max_pool(3, 2), *conv_bn(64, 3, 1), *conv_bn(128, 3, 1, 2), affine(120), relu()]
    return [
        net("odd", 24, [3, 45, 37], 7, odd),
        net("inside", 32, [3, 32, 32], 10, inside),
        net("bottleneck", 32, [16, 28, 28], 10, residual),
        net("strided", 48, [1, 63, 49], 12, strided),
        net("stem", 16, [3, 97, 97], 20, stem),
        net("affine", 50, [1, 1, 1000], 30, [affine(500), relu(), affine(300), relu()]),
    ]


NETS = {n["name"]: n for n in held_out()}
'''


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    peers, to = map(Path, sys.argv[1:])
    to.mkdir(parents=True, exist_ok=True)
    for source in peers.glob("*.py"):
        shutil.copyfile(source, to / source.name)
    text = (to / "nets.py").read_text(encoding="utf-8")
    definition, mark, command = text.partition('\n\nNETS = {n["name"]: n for n in every_net()}\n')
    if not mark:
        sys.exit(f"{peers / 'nets.py'} does not end as expected: its NETS cannot be replaced.")
    (to / "nets.py").write_text(definition + NETS + command, encoding="utf-8")


if __name__ == "__main__":
    main()
