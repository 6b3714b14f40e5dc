"""The encoding of calls and the decoding of events: the part of Solidity's ABI that the contracts here use."""

from keccak import keccak

ZERO = "0x" + 40 * "0"


def selector(signature):
    return keccak(signature.encode())[:4]


def topic(signature):
    """The first topic of an event."""
    return "0x" + keccak(signature.encode()).hex()


def split(types):
    """The types of a list, such as those between the brackets of a signature."""
    parts, depth, current = [], 0, ""
    for character in types:
        if character == "," and depth == 0:
            parts.append(current)
            current = ""
            continue
        depth += (character == "(") - (character == ")")
        current += character
    return parts + [current] if current else parts


def _elements(type_, value):
    """The types of an array's elements, and whether its length is written before them; `None` for other types."""
    if type_.endswith("]"):
        element, length = type_[:-1].rsplit("[", 1)
        return [element] * len(value), length == ""
    if type_.startswith("("):
        return split(type_[1:-1]), False
    return None


def _is_dynamic(type_):
    if type_ == "bytes" or type_.endswith("[]"):
        return True
    if type_.endswith("]"):
        return _is_dynamic(type_.rsplit("[", 1)[0])
    return type_.startswith("(") and any(map(_is_dynamic, split(type_[1:-1])))


def encode_value(type_, value):
    elements = _elements(type_, value)
    if elements:
        types, has_length = elements
        length = encode_value("uint256", len(value)) if has_length else b""
        return length + encode(types, value)
    if type_ == "bytes":
        return encode_value("uint256", len(value)) + value + bytes(-len(value) % 32)
    if type_ == "bytes32":
        return value
    if type_ == "address":
        value = int(value, 16)
    return (int(value) % (1 << 256)).to_bytes(32, "big")


def encode(types, values):
    """Values as the arguments of a call: what has no fixed size stands behind, at an offset."""
    encoded = [(_is_dynamic(type_), encode_value(type_, value)) for type_, value in zip(types, values)]
    offset = sum(32 if dynamic else len(value) for dynamic, value in encoded)
    head, tail = b"", b""
    for dynamic, value in encoded:
        head += encode_value("uint256", offset + len(tail)) if dynamic else value
        tail += value if dynamic else b""
    return head + tail


def call(signature, *values):
    """The data of a call."""
    types = split(signature[signature.index("(") + 1 : -1])
    return "0x" + (selector(signature) + encode(types, values)).hex()


def words(data):
    """The words of 32 bytes, as hexadecimal digits."""
    digits = data[2:]
    return [digits[i : i + 64] for i in range(0, len(digits), 64)]


def address(word):
    """The address in a word or a topic, in small letters."""
    return "0x" + word[-40:].lower()


def signed(word, bits):
    """A signed number, of which only the last bits count."""
    value = int(word, 16) & ((1 << bits) - 1)
    return value - (1 << bits) if value >> (bits - 1) else value


def checksummed(address_):
    """The EIP-55 form of an address."""
    digits = address_[2:].lower()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(d.upper() if int(m, 16) > 7 else d for d, m in zip(digits, marks))
