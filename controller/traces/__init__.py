"""What every visit leaves behind: frames, reads, vote, question, answer, lamp and fuelling, bounded in size and age."""
