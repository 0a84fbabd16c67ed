"""The JSON bodies of GitHub's REST API: https://docs.github.com/rest/users and https://docs.github.com/rest/repos"""

from replica.hub import Hub, User, node_id
from replica.licences import Licence
from replica.repositories import Repository

JOINED = "2012-02-25T12:53:47Z"  # when every user joined, since no git directory tells

USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
REPOSITORY_LINKS = {
    "forks_url": "/forks",
    "keys_url": "/keys{/key_id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "teams_url": "/teams",
    "hooks_url": "/hooks",
    "issue_events_url": "/issues/events{/number}",
    "events_url": "/events",
    "assignees_url": "/assignees{/user}",
    "branches_url": "/branches{/branch}",
    "tags_url": "/tags",
    "blobs_url": "/git/blobs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "trees_url": "/git/trees{/sha}",
    "statuses_url": "/statuses/{sha}",
    "languages_url": "/languages",
    "stargazers_url": "/stargazers",
    "contributors_url": "/contributors",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "commits_url": "/commits{/sha}",
    "git_commits_url": "/git/commits{/sha}",
    "comments_url": "/comments{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "contents_url": "/contents/{+path}",
    "compare_url": "/compare/{base}...{head}",
    "merges_url": "/merges",
    "archive_url": "/{archive_format}{/ref}",
    "downloads_url": "/downloads",
    "issues_url": "/issues{/number}",
    "pulls_url": "/pulls{/number}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "labels_url": "/labels{/name}",
    "releases_url": "/releases{/id}",
    "deployments_url": "/deployments",
}


class Shapes:
    """Bodies with links to `url`, the replica's own address."""

    def __init__(self, hub: Hub, url: str):
        self.hub = hub
        self.url = url

    def simple_user(self, user: User) -> dict:
        identifier = self.hub.user_number(user.login)
        own = f"{self.url}/users/{user.login}"
        return {
            "login": user.login,
            "id": identifier,
            "node_id": node_id("User", identifier),
            "avatar_url": self.avatar(user),
            "gravatar_id": "",
            "url": own,
            "html_url": f"{self.url}/{user.login}",
            **{name: own + tail for name, tail in USER_LINKS.items()},
            "type": "User",
            "user_view_type": "public",
            "site_admin": False,
        }

    def public_user(self, user: User) -> dict:
        unknown = ("name", "company", "location", "email", "hireable", "bio", "twitter_username")
        return {
            **self.simple_user(user),
            **dict.fromkeys(unknown),
            "blog": "",
            "public_repos": len(user.repositories),
            "public_gists": 0,
            "followers": len(user.followers),
            "following": len(user.following),
            "created_at": JOINED,
            "updated_at": JOINED,
        }

    def minimal_repository(self, repository: Repository) -> dict:
        identifier = self.hub.repository_number(repository)
        name = repository.full_name
        own = f"{self.url}/repos/{name}"
        return {
            "id": identifier,
            "node_id": node_id("Repository", identifier),
            "name": repository.name,
            "full_name": name,
            "private": False,
            "owner": self.simple_user(self.hub.user(repository.owner)),
            "html_url": f"{self.url}/{name}",
            "description": None,
            "fork": repository.fork,
            "url": own,
            **{link: own + tail for link, tail in REPOSITORY_LINKS.items()},
            **self.addresses(repository),
            **self.facts(repository),
        }

    def full_repository(self, repository: Repository) -> dict:
        return {
            **self.minimal_repository(repository),
            "temp_clone_token": "",
            "network_count": 0,
            "subscribers_count": repository.stars,
        }

    def addresses(self, repository: Repository) -> dict:
        host = self.url.partition("://")[2]
        page = f"{self.url}/{repository.full_name}"
        return {
            "git_url": f"git://{host}/{repository.full_name}.git",
            "ssh_url": f"git@{host.partition(':')[0]}:{repository.full_name}.git",
            "clone_url": f"{page}.git",
            "svn_url": page,
            "mirror_url": None,
            "homepage": None,
        }

    def facts(self, repository: Repository) -> dict:
        return {
            # A git directory tells only when it was last pushed to, so the other dates are that one.
            "created_at": repository.pushed_at,
            "updated_at": repository.pushed_at,
            "pushed_at": repository.pushed_at,
            "size": repository.size_kib,
            "stargazers_count": repository.stars,
            "watchers_count": repository.stars,
            "watchers": repository.stars,
            "forks_count": 0,
            "forks": 0,
            "open_issues_count": 0,
            "open_issues": 0,
            "language": repository.language,
            "license": repository.licence and self.licence(repository.licence),
            "default_branch": repository.default_branch,
            "visibility": "public",
            "topics": [],
            "archived": repository.archived,
            "disabled": False,
            "allow_forking": True,
            "is_template": False,
            "web_commit_signoff_required": False,
            "has_issues": True,
            "has_projects": True,
            "has_downloads": True,
            "has_wiki": True,
            "has_pages": False,
            "has_discussions": False,
            "permissions": {"admin": False, "maintain": False, "push": False, "triage": False, "pull": True},
        }

    def licence(self, licence: Licence) -> dict:
        known = licence.spdx_id != "NOASSERTION"
        return {
            "key": licence.key,
            "name": licence.name,
            "spdx_id": licence.spdx_id,
            "url": f"{self.url}/licenses/{licence.key}" if known else None,
            "node_id": node_id("License", licence.key),
        }

    def avatar(self, user: User) -> str:
        return f"{self.url}/avatars/u/{self.hub.user_number(user.login)}?v=4"
