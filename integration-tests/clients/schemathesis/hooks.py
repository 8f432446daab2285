"""What schemathesis has to be told of Consign: how the bytes of a resumable upload are sent."""

import schemathesis

schemathesis.serializer.alias("application/partial-upload", "application/octet-stream")
