"""Whether a language profile does what the steps that read it need, tried on text of the language and of its anchor."""
