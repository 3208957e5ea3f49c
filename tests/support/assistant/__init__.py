"""What the tests of Paddy share: conversations, servers that play models, speech, phrasings."""
