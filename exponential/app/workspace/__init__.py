"""The pages of tasks, projects and meetings."""
