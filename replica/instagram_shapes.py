"""What Instagram's web pages are answered with: the fields of recorded answers, in their order.

The profile is as of 2022-23, the list of posts as of 2020. A test holds both against the recordings.
"""

import base64
import hashlib

from replica.instagram_people import Person, Post, number_of

_KINDS = ("GraphImage", "GraphVideo", "GraphSidecar")


def profile(person: Person, timeline: dict) -> dict:
    """The answer to the query of a profile, with `timeline` as the first page of its posts."""
    picture = _hash(person.name)
    user = {
        "biography": "",
        "blocked_by_viewer": False,
        "restricted_by_viewer": False,
        "country_block": False,
        "external_url": None,
        "external_url_linkshimmed": None,
        "edge_followed_by": {"count": int(picture[:3], 16)},
        "fbid": f"17841{person.id}",
        "followed_by_viewer": False,
        "edge_follow": {"count": int(picture[3:5], 16)},
        "follows_viewer": False,
        "full_name": person.name.replace(".", " ").title(),
        "has_ar_effects": False,
        "has_clips": False,
        "has_guides": False,
        "has_channel": False,
        "has_blocked_viewer": False,
        "highlight_reel_count": 0,
        "has_requested_viewer": False,
        "hide_like_and_view_counts": False,
        "id": person.id,
        "is_business_account": False,
        "is_professional_account": False,
        "is_supervision_enabled": False,
        "is_guardian_of_viewer": False,
        "is_supervised_by_viewer": False,
        "is_embeds_disabled": False,
        "is_joined_recently": False,
        "guardian_id": None,
        "business_address_json": None,
        "business_contact_method": "UNKNOWN",
        "business_email": None,
        "business_phone_number": None,
        "business_category_name": None,
        "overall_category_name": None,
        "category_enum": None,
        "category_name": None,
        "is_private": person.private,
        "is_verified": False,
        "edge_mutual_followed_by": {"count": 0, "edges": []},
        "profile_pic_url": _image(picture, 150),
        "profile_pic_url_hd": _image(picture, 320),
        "requested_by_viewer": False,
        "should_show_category": False,
        "should_show_public_contacts": False,
        "state_controlled_media_country": None,
        "transparency_label": None,
        "transparency_product": None,
        "username": person.renamed or person.name,
        "connected_fb_page": None,
        "pronouns": [],
        "edge_felix_video_timeline": _empty(),
        "edge_owner_to_timeline_media": timeline,
        "edge_saved_media": _empty(),
        "edge_media_collections": _empty(),
    }
    return {"data": {"user": user}, "status": "ok"}


def posts(timeline: dict | None) -> dict:
    """The answer to the query of posts; None where the account is gone."""
    user = None if timeline is None else {"edge_owner_to_timeline_media": timeline}
    return {"data": {"user": user}, "status": "ok"}


def page(person: Person, start: int, size: int) -> dict:
    """The posts from number `start` on. Of who is private only the number of posts is shown."""
    shown = [] if person.private else person.posts[start : start + size]
    more = not person.private and start + len(shown) < len(person.posts)
    info = {"has_next_page": more, "end_cursor": cursor(person, start + len(shown)) if more else None}
    return {
        "count": len(person.posts),
        "page_info": info,
        "edges": [{"node": _node(person, post)} for post in shown],
    }


def cursor(person: Person, place: int) -> str:
    """Names the last post that was shown, so that a newer one moves nothing."""
    last = person.posts[place - 1].id
    return base64.b64encode(f"AQ{_hash(person.id)[:60]}:{last}".encode()).decode()


def place_of(person: Person, given: str) -> int | None:
    """The number of the post behind the cursor; None for no cursor of this account."""
    for number in range(1, len(person.posts) + 1):
        if cursor(person, number) == given:
            return number
    return None


def _node(person: Person, post: Post) -> dict:
    kind = _KINDS[int(_hash(post.id)[:2], 16) % len(_KINDS)]
    comments = int(_hash(post.id)[2:4], 16)
    owner = post.by or person.name
    caption = [] if post.text is None else [{"node": {"text": post.text}}]
    node = {
        **_media(kind, post),
        "edge_media_to_caption": {"edges": caption},
        "shortcode": _hash(post.id)[:11],
        "edge_media_to_comment": {
            "count": comments,
            "page_info": {"has_next_page": False, "end_cursor": None},
            "edges": [],
        },
        "edge_media_to_sponsor_user": {"edges": []},
        "comments_disabled": False,
        "taken_at_timestamp": post.time,
        "edge_media_preview_like": {"count": comments * 3, "edges": []},
        "owner": {"id": number_of(owner), "username": owner},
        "location": None,
        "viewer_has_liked": False,
        "viewer_has_saved": False,
        "viewer_has_saved_to_collection": False,
        "viewer_in_photo_of_you": False,
        "viewer_can_reshare": True,
        "thumbnail_src": _image(_hash(post.id), 640),
        "thumbnail_resources": _images(post, (150, 240, 320, 480, 640)),
    }
    if kind == "GraphSidecar":
        children = [_media(_KINDS[number], Post(f"{post.id}{number}", post.time)) for number in (0, 1)]
        node["edge_sidecar_to_children"] = {"edges": [{"node": child} for child in children]}
    return node


def _media(kind: str, post: Post) -> dict:
    """The fields that a post shares with the pictures within it."""
    video = kind == "GraphVideo"
    media = {
        "__typename": kind,
        "id": post.id,
        "gating_info": None,
        "fact_check_overall_rating": None,
        "fact_check_information": None,
        "media_overlay_info": None,
        "dimensions": {"height": 1080, "width": 1080},
        "display_url": _image(_hash(post.id), 1080),
        "display_resources": _images(post, (640, 750, 1080)),
        "is_video": video,
        "media_preview": "",
        "tracking_token": "",
        "edge_media_to_tagged_user": {"edges": []},
    }
    if not video:
        return media | {"accessibility_caption": None}
    dash = {"is_dash_eligible": True, "video_dash_manifest": "<MPD/>", "number_of_qualities": 1}
    return media | {"dash_info": dash, "video_url": _image(_hash(post.id), 720), "video_view_count": 7}


def _images(post: Post, widths: tuple[int, ...]) -> list[dict]:
    source = _hash(post.id)
    return [{"src": _image(source, width), "config_width": width, "config_height": width} for width in widths]


def _image(source: str, width: int) -> str:
    return f"https://cdn.example/{source[:16]}_{width}"


def _empty() -> dict:
    return {"count": 0, "page_info": {"has_next_page": False, "end_cursor": None}, "edges": []}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
