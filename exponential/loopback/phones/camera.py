"""A phone's camera: finds the QR code in a picture."""

import io

import zxingcpp
from PIL import Image, UnidentifiedImageError

from exponential.loopback.server.linking.qr_code import LinkError


def read(picture: bytes) -> str:
    """The text of the QR code in a PNG or JPEG. Raises LinkError when there is none."""
    try:
        image = Image.open(io.BytesIO(picture)).convert("L")
    except (UnidentifiedImageError, OSError):
        raise LinkError("This is not a picture that the camera can read.") from None
    for code in zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode):
        return str(code.text)
    raise LinkError("There is no QR code in this picture.")
