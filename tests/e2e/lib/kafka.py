# SPDX-License-Identifier: Apache-2.0
"""librdkafka's mock broker in a process of its own (kafka_broker.c), and what Seldon writes to a topic."""

import os
import struct
import subprocess

from .process import MissingTool, die_with_parent
from .stores import field, varint


class Broker:
    name = "kafka"

    def __init__(self, topic, partitions=1):
        program = os.path.join(os.environ.get("TOCSIN_BUILDDIR", "."), "tests/e2e/kafka_broker")
        if not os.path.exists(program):
            raise MissingTool("kafka_broker is not built: apt-get install librdkafka-dev, then make check-e2e")
        self.topic = topic
        self.process = subprocess.Popen([program, topic, str(partitions)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, preexec_fn=die_with_parent)
        self.bootstrap = self.process.stdout.readline().strip()

    def say(self, line, answer):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        got = self.process.stdout.readline().strip()
        assert got == answer, f"{line[:60]}: {got}"

    def put(self, message, ms=0):
        self.say(f"put {ms} {message.hex()}", "put")

    def down(self):
        self.say("down", "down")

    def up(self):
        self.say("up", "up")

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


RAW = {"INT64": "q", "FP32": "f", "FP64": "d", "BOOL": "?", "INT32": "i"}
CONTENTS = {"BOOL": 1, "INT32": 2, "INT64": 3, "FP32": 6, "FP64": 7}


def response(model, outputs, version="1", raw=False):
    """A ModelInferResponse: outputs {name: (datatype, values)}, contents packed, or raw as Triton sends them."""
    message = field(1, model) + field(2, version) + field(3, "request-1")
    raws = b""
    for name, (datatype, values) in outputs.items():
        packed = b"".join(struct.pack("<" + RAW[datatype], v) for v in values)
        if datatype in ("INT64", "INT32", "BOOL"):
            contents = b"".join(varint(int(v)) for v in values)
        else:
            contents = packed
        tensor = field(1, name) + field(2, datatype) + field(3, varint(1) + varint(len(values)))
        if raw:
            raws += field(6, packed)
        else:
            tensor += field(5, field(CONTENTS[datatype], contents))
        message += field(5, tensor)
    return message + raws
