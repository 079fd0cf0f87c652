"""Scoring what two files hold: prompts, and one AI's responses to them."""
