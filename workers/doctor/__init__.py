"""What `rollcast doctor` asks a server: is all as it should be?"""
