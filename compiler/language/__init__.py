"""What is known of a language before anybody wrote about it, and the drafts of that; imports text and recipe."""
