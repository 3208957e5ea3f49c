"""What the gateway's tests share: workers that stand in for WhatsApp's, a linked account, stores of before."""
