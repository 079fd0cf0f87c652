"""How calls reach the API: encoding, sending, retrying, decoding, paging."""
